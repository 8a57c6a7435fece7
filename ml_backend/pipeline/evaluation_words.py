"""What an evaluation of a head says, as words for people; shared by the page, the terminal and exported READMEs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor, log2, log10
from typing import Any

Body = Mapping[str, Any]
"""An evaluation as it is stored, see `Store.put_evaluation`."""
LEAST_OF_PART = 20
"""Labels that were predicted with similar confidence, from which on their share of right ones says something."""
LEAST_GAP = 0.05
MORE_LABELS = 100
"""For so many further labels people are told what they would bring."""
NOT_YET = "The model is evaluated after its batch is published; this takes a few seconds."


def bounds(share: Mapping[str, Any]) -> str:
    """The bounds of a share, such as "78 to 88%"."""
    return f"{100 * share['low']:.0f} to {share['high']:.0%}"


def share_with_bounds(share: Mapping[str, Any] | None) -> str:
    """Such as "83%, 78 to 88%", or "too few" where too few labels support it."""
    return "too few" if share is None else f"{share['value']:.0%}, {bounds(share)}"


def accuracy_bounds(accuracy: Mapping[str, Any]) -> str:
    """The bounds of an accuracy, and whether they are a guarantee or the opinion of the model."""
    if accuracy["basis"] == "audits":
        return f"{bounds(accuracy)} (95% interval)"
    return f"{bounds(accuracy)}, by the model's own confidence"


def forecast_sentence(body: Body) -> str:
    """How many further labels bring one more point of accuracy; empty without a forecast."""
    forecast = body["forecast"]
    if forecast is None:
        return ""
    middle, low, high = (rounded(forecast[name]) for name in ("labels", "low", "high"))
    if forecast["labels"] > body["open"]:
        open_tasks = "the 1 open task" if body["open"] == 1 else f"the {body['open']:,} open tasks"
        return f"One more point of accuracy takes about {middle} further labels, more than {open_tasks} can give."
    return f"About {middle} further labels for one more point of accuracy; could be {low} or {high}."


def gain_sentence(body: Body, more: int = MORE_LABELS) -> str:
    """What further labels would bring, and so what stopping now costs; empty without a forecast or open tasks.

    more: their number; if fewer tasks are open, all of these. It is the forecast for one point, by the same law: the
    accuracy rises with the logarithm of the number of labels.
    """
    forecast, more = body["forecast"], min(more, body["open"])
    if forecast is None or not more:
        return ""
    middle, low, high = (_points(body["labels"], more, forecast[name]) for name in ("labels", "high", "low"))
    labels = "1 more label" if more == 1 else f"{more:,} more labels"
    points = "1 point" if middle == "1.0" else f"{middle} points"
    return (
        f"{labels} would bring about {points} of accuracy (could be {low} or {high}): that is what stopping now costs."
    )


def stop_sentence(body: Body) -> str:
    """Whether the last labels changed the model, and so whether to stop."""
    return _sentence(body["stop"]["why"])


def accuracy_sentence(accuracy: Mapping[str, Any]) -> str:
    """What the accuracy rests on, and what biases it; or what is missing for one."""
    return _sentence(accuracy["why"] if accuracy["value"] is None else f"it rests on {accuracy['why']}")


def price_sentence(random_share: float, strategy: str) -> str:
    """What the tasks drawn at random cost and bring."""
    if strategy == "random":
        return "Every task is drawn at random, so every label measures the model."
    price = "A share of 0.1 costs about 0.3 points of accuracy, one of 0.2 costs 0.7."
    if not random_share:
        return (
            f"No task is drawn at random (`random_share` 0); without such tasks the interval has no guarantee. {price}"
        )
    return (
        f"{random_share:.0%} of each batch is drawn at random (`random_share` {random_share:g}): these labels tell "
        f"how good the model is. {price}"
    )


def weak_classes(body: Body) -> list[str]:
    """Names of the classes whose precision or recall is below the accuracy, by its upper bound, the weakest first."""
    accuracy = body["accuracy"]["value"]
    if accuracy is None:
        return []
    upper = {c["name"]: upper_bound(c) for c in body["classes"]}
    return sorted((name for name, bound in upper.items() if bound < accuracy), key=lambda name: upper[name])


def confusion_sentence(confusion: Mapping[str, Any]) -> str:
    """How often one class was taken for another."""
    return f"labelled {confusion['given']}, predicted {confusion['predicted']}: {confusion_count(confusion)}"


def confusion_count(confusion: Mapping[str, Any]) -> str:
    """How many labels of a class were predicted as the other one, such as "5 of 30 labels"."""
    return f"{confusion['labels']:,} of {confusion['of']:,} {'label' if confusion['of'] == 1 else 'labels'}"


def doubt_words(label: Mapping[str, Any]) -> tuple[str, str]:
    """What a doubtful label says, and what the model would say instead."""
    if label["given"] != label["likelier"]:
        return label["given"], label["likelier"]
    has, lacks = label["given"], f"not {label['given']}"
    return (has, lacks) if label["present"] else (lacks, has)


def calibration_sentence(body: Body) -> str:
    """How often the model is right when it is sure, in words; empty where too few labels tell."""
    parts = [part for part in body["reliability"] if part["labels"] >= LEAST_OF_PART]
    if not parts:
        return ""
    sure = min(parts, key=lambda part: abs(part["confidence"] - 0.9))
    total = sum(part["labels"] for part in parts)
    gap = sum(part["labels"] * (part["confidence"] - part["right"]) for part in parts) / total
    whole = "about as sure as it is right"
    if abs(gap) >= LEAST_GAP:
        whole = f"{100 * abs(gap):.0f} points {'surer than it is right' if gap > 0 else 'less sure than it is right'}"
    return (
        f"When it says {sure['confidence']:.0%} sure, it is right in about {sure['right']:.0%}. "
        f"Over {total:,} labels it is {whole}."
    )


def alpha_sentence(annotators: Mapping[str, Any] | None) -> str:
    """How far the annotators agree; empty if too few tasks were labelled by several."""
    if annotators is None or annotators["alpha"] is None:
        return ""
    tasks = annotators["tasks"]
    return (
        f"Krippendorff's α is {annotators['alpha']:.2f} over {tasks:,} {'task' if tasks == 1 else 'tasks'} that "
        "several people labelled: 1 if they always agree, 0 if as often as by chance. From 0.8 on, labels usually "
        "count as reliable; below 0.67 they do not."
    )


def listed(names: Sequence[str], most: int) -> str:
    """The first names, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")


def _sentence(clause: str) -> str:
    return f"{clause[:1].upper()}{clause[1:]}."


def is_known(quality: Mapping[str, Any]) -> bool:
    """Whether something can be said of a class."""
    return quality["precision"] is not None or quality["recall"] is not None


def upper_bound(quality: Mapping[str, Any]) -> float:
    """The lower of the upper bounds of a class's precision and recall, 1 where nothing can be said of it."""
    return min((quality[part]["high"] for part in ("precision", "recall") if quality[part] is not None), default=1.0)


def _points(labels: int, more: int, for_one_point: int) -> str:
    """Points of accuracy that further labels bring, where one point takes `for_one_point` of them."""
    return f"{log2(1 + more / labels) / log2(1 + max(1, for_one_point) / labels):.1f}"


def rounded(number: int) -> str:
    """The number with two digits, since a forecast has no more."""
    step = 10 ** max(0, floor(log10(max(number, 1))) - 1)
    return f"{round(number / step) * step:,}"
