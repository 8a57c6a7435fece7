"""What is stored of an error that nobody foresaw."""

from __future__ import annotations

import traceback
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
LONGEST_MESSAGE = 500
"""Characters of the message that are stored, since it may quote what it failed on."""


def unforeseen_failure(error: Exception) -> str:
    """Type and message of an error, and the place in this program where it came up."""
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(PACKAGE)]
    place = f", in {Path(own[-1].filename).relative_to(PACKAGE)}, line {own[-1].lineno}" if own else ""
    return f"{type(error).__name__}: {str(error)[:LONGEST_MESSAGE]}{place}"
