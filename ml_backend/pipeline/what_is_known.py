"""What a project knows, in one sentence that a person can repeat to others."""

from __future__ import annotations

from typing import Any

from ml_backend.pipeline.evaluation_words import Body, bounds, rounded


def what_is_known(status: dict[str, Any], body: Body | None) -> str:
    """The sentence.

    status: of the project, see `web.status.page_status`; body: of the newest evaluation, None before the first.
    """
    model, labels = status["model"], status["labeled"]
    if not status["tasks"]:
        return "There are no tasks yet: import texts in Label Studio, and the first batch is chosen by itself."
    if body is not None and model is not None and model["n_labels"]:
        return _of_evaluation(body, _multi_label(status))
    if model is None:
        return _without_model(labels)
    if not model["n_labels"]:
        return f"The model predicts from {model['made_from']} alone; labels will show how often it is right."
    return f"The model has learned from {_labels(model['n_labels'])}; how often it is right is being measured."


def _of_evaluation(body: Body, multi_label: bool) -> str:
    accuracy = body["accuracy"]
    learned = f"The model has learned from {_labels(body['labels'])}"
    if not body["open"]:
        return f"{learned}, and no text is open any more."
    if accuracy["value"] is None:
        why = accuracy["why"]
        return f"{learned}. Its accuracy {why if why.startswith('appears') else f'is not known: {why}'}."
    right = "has all classes right for" if multi_label else "is right on"
    value = f"{right} {accuracy['value']:.0%} of the open texts ({bounds(accuracy)})"
    said = f"The model {value}" if accuracy["basis"] == "audits" else f"By its own confidence the model {value}"
    return f"{said}; {_what_more_labels_bring(body)}."


def _what_more_labels_bring(body: Body) -> str:
    stop, forecast = body["stop"], body["forecast"]
    if stop["stop"]:
        return f"your last {stop['labels']} labels hardly changed it, so you can stop if this is enough"
    if forecast is None:
        return "what more labels would bring cannot be told yet"
    if forecast["labels"] > body["open"]:
        return "labelling all the others would bring less than 1 point"
    return f"about {rounded(forecast['labels'])} more labels would bring 1 point"


def _without_model(labels: int) -> str:
    if not labels:
        return "Nothing is known yet: the model learns with the first labels."
    return f"{_labels(labels)} so far; the model comes with labels of a second class."


def _labels(number: int) -> str:
    return "1 label" if number == 1 else f"{number:,} labels"


def _multi_label(status: dict[str, Any]) -> bool:
    return bool(status["reads"] and status["reads"]["multi_label"])
