"""The command line of the backend with short leases, a clock that can be set, and word hashes instead of a model.

Its first arguments are the length of a lease in seconds and a file with the seconds by which the clock is wrong; the
others are those of `python -m ml_backend`.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from local_backend import WordHashes

from ml_backend.cli import app
from ml_backend.worker import lease, process


def _word_hashes(*_arguments: Any, **_options: Any) -> WordHashes:
    return WordHashes()


def _set_clock_by(file: Path) -> None:
    """Replace time.time(); time.monotonic() goes on, as it does when a real clock is set."""
    right_time = time.time

    def wrong_time() -> float:
        return right_time() + float(file.read_text() or 0.0)

    time.time = wrong_time


if __name__ == "__main__":
    lease.LEASE_SECONDS = float(sys.argv.pop(1))
    process.load = _word_hashes  # type: ignore[assignment]
    _set_clock_by(Path(sys.argv.pop(1)))
    app()
