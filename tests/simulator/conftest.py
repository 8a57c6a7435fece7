"""A folder of small datasets."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_texts import table


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with two datasets, mail (240 texts) and chat (200)."""
    folder = tmp_path / "texts"
    folder.mkdir()
    table(240).to_parquet(folder / "mail.parquet")
    table(200, seed=1).to_parquet(folder / "chat.parquet")
    return folder
