"""Figures at the lowest resolution, since these tests do not look at the pixels."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from simulator.report import plots


@pytest.fixture(scope="session", autouse=True)
def small_figures() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plots, "DPI", 30)
        yield
