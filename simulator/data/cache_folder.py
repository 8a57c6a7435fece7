"""Where embeddings are kept unless a command names another folder."""

from __future__ import annotations

import os
from pathlib import Path


def default_cache() -> Path:
    """The folder of the cache unless --cache names another."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "label-studio-active-learning"
