"""What predictions for all open texts are worth, as words for people; shared by the page and the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

UNKNOWN = "how many of them are wrong is not known yet: the model is evaluated with more labels"


def above_words(above: float) -> str:
    """Such as "90% or more", or "any"."""
    return "any" if above <= 0 else f"{100 * above:.4g}% or more"


def wrong_words(wrong: float | None) -> str:
    """The share that is expected to be wrong, such as "4%"; "not known" where the evaluation does not support it."""
    if wrong is None:
        return "not known"
    return "less than 1%" if wrong < 0.01 else f"{100 * wrong:.0f}%"


def kept_sentence(result: Mapping[str, Any]) -> str:
    """How many predictions were written, of how many, and how many of them may be wrong.

    result: of a job that predicts all open texts.
    """
    written, above = result["written"], result["above"]
    sure = f" with a confidence of {above_words(above)}" if above > 0 else ""
    texts = "the 1 open text" if result["open"] == 1 else f"the {result['open']:,} open texts"
    if not written:
        return f"Of {texts} none is predicted{sure}.{without_vector_words(result)}"
    predicted = "1 prediction was" if written == 1 else f"{written:,} predictions were"
    wrong = result["wrong"]
    expected = UNKNOWN if wrong is None else f"{_about(wrong)} of them are expected to be wrong"
    return f"Of {texts}, {predicted} written{sure}; {expected}.{without_vector_words(result)}"


def without_vector_words(result: Mapping[str, Any]) -> str:
    """How many open texts have no prediction, since they are not embedded yet; empty if all have."""
    left = result["without_vector"]
    return f" {left:,} more {'is' if left == 1 else 'are'} not embedded yet and left out." if left else ""


def _about(wrong: float) -> str:
    words = wrong_words(wrong)
    return words if words.startswith("less") else f"about {words}"
