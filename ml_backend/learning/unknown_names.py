"""What is said of a name that is not known: the known name that is most like it, and all known names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

LEAST_LIKENESS = 0.75
"""Least share of letters in common, as `SequenceMatcher.ratio` counts them, of a name and the one that was most likely
meant: `rndm` is taken for `random`, and `magic` is not taken for `margin`."""


def unknown_name(what: str, name: str, known: Sequence[str], listed: Iterable[str] | None = None) -> str:
    """The sentence about a name that is not known, without a full stop.

    what: the kind of thing, such as "strategy"; listed: what is shown as known, if it is not `known` itself.
    """
    near = nearest(name, known)
    names = ", ".join(known if listed is None else listed) or "none"
    return f"unknown {what} {name!r}" + (f": did you mean {near}? Known: {names}" if near else f"; known: {names}")


def nearest(name: str, known: Sequence[str]) -> str | None:
    """The known name that is most like this one in its letters, whatever their case; None if none is like it."""
    lower = {other.lower(): other for other in reversed(known)}
    matches = get_close_matches(name.lower(), list(lower), n=1, cutoff=LEAST_LIKENESS)
    return lower[matches[0]] if matches else None
