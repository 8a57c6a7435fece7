"""When a failed run is repeated."""

from __future__ import annotations

FIRST_RETRY_SECONDS = 2.0
LONGEST_RETRY_SECONDS = 60.0


def retry_delay(failures: int) -> float:
    """Seconds until the next try: 2, 4, 8, … 60. failures: number of failures in a row, 1 or more."""
    # The exponent is bounded, since a float cannot hold 2 to the power of 1024.
    return min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2.0 ** min(failures - 1, 16))
