"""A short form of `python tests/chaos`: much fails while people label, and all is right afterwards."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from chaos.installation import Plan
from chaos.run import weather


def ignore(_what: str) -> None:
    """Show no progress."""


@pytest.mark.skipif("TEST_CHAOS" not in os.environ, reason="set TEST_CHAOS=1: it takes over a minute")
def test_no_label_is_lost_and_the_order_is_right_after_ten_faults(tmp_path: Path):
    plan = Plan(real=False, postgres=None, workers=2, projects=1, tasks=200, lease_seconds=4.0)
    outcome = weather(plan, tmp_path, events=10, people=2, pause=1.0, seed=7, report=ignore)
    assert outcome.wrong == {}
    assert outcome.refused == []
    assert outcome.struck.total() >= 10
    assert outcome.labels
