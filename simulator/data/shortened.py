"""Values of a file in messages: on one line, and cut when they are long."""

from __future__ import annotations

import json
import re
from typing import Any

MOST_CHARACTERS = 40
UNPRINTABLE = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def shortened(value: Any, most: int = MOST_CHARACTERS) -> str:
    """A value as it is written in the file, cut to `most` characters; lists and objects as JSON."""
    if isinstance(value, str):
        # Only the beginning is looked at: a cell may hold megabytes.
        written = value[: most * 4]
    else:
        try:
            written = json.dumps(value, ensure_ascii=False, default=str)
        except (ValueError, RecursionError):
            written = f"a {type(value).__name__}"
    line = UNPRINTABLE.sub(" ", written).strip()
    return line if len(line) <= most else line[: most - 1] + "…"
