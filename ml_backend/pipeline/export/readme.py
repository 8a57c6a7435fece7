"""The README.md of an exported folder."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from shlex import quote

from ml_backend.pipeline.evaluation_words import (
    accuracy_bounds,
    accuracy_sentence,
    alpha_sentence,
    confusion_sentence,
    listed,
    share_with_bounds,
    weak_classes,
)
from ml_backend.pipeline.export.encoders import ExportedEncoder
from ml_backend.pipeline.export.exported_project import ExportedProject
from ml_backend.pipeline.likely_classes import MULTI_LABEL_THRESHOLD
from ml_backend.pipeline.made_from import made_from

CONFUSIONS_SHOWN = 5
WEAK_SHOWN = 20

TEXT = """\
# {title}

A model that classifies texts. It was trained in Label Studio with active learning, and runs without the service that
trained it.

| | |
|---|---|
| classes | {classes} |
| a text has | {kind} |
| data | {data} |
| made from | {made_from}, on {date} |
| texts chosen by | {methods} |
| accuracy | {accuracy} |
| embedding | {embedding} |
| model | `{head}` of project {project_id} |

## How good it is

{quality}

| class | labels | precision | recall |
|---|---|---|---|
{classes_table}

Precision is the share of the texts predicted as the class that are of it, recall the share of the texts of the class
that are predicted as it, each with rough bounds; "too few": too few labels to tell.

## Install

Python 3.11 or newer and these packages, in the versions with which this folder was written:

    pip install {requirements}

## Use

    python classify.py --help
{commands}

It reads a text per line, or columns of a .csv, .tsv or .jsonl file. For each text it prints a line:
{output}.
With `--json` the line is an object with the probabilities of all classes. A text that cannot be used is named on
standard error, its line is empty, the others are classified, and the exit status is 2.

In Python, in this folder or with this folder in `sys.path`:

    from classify import Classifier

    classifier = Classifier()
    classifier.predict([{example}])        # {returned}
    classifier.probabilities([{example}])  # an array (texts, classes), in the order of classifier.classes
    classifier.encode([{example}])         # an array (texts, dimensions): the embeddings

## Intended use and limits

It is made for texts like those of the project: the figures are of its open tasks, and texts from elsewhere, or of a
later time, may be recognised worse. Before you rely on it, count on labels of your own.

{limits}

## Files

`classify.py` is the program, with {modules}; `model.json` and `head.npz` hold the classes
and the classifier{files}. Keep them together in one folder, of any name.
"""
FROM_LINES = """\
    python classify.py texts.txt
    echo "a text" | python classify.py
"""
FROM_COLUMNS = """\
    python classify.py texts.csv {columns}
    python classify.py --json --format jsonl {columns} < texts.jsonl > classes.jsonl\
"""


def readme(exported: ExportedProject, encoder: ExportedEncoder) -> str:
    """The text of README.md: what the model is, how to install and use it, and its limits."""
    head, fields = exported.head, exported.fields
    example = '"a text"' if len(fields) == 1 else f"({', '.join(repr(f'its {name}') for name in fields)})"
    columns = FROM_COLUMNS.format(columns=" ".join(f"--column {quote(name)}" for name in fields))
    return TEXT.format(
        title=" ".join(exported.title.split()),
        classes=_cell(", ".join(head.classes)),
        kind="any number of classes" if head.multi_label else "one class",
        made_from=made_from(head.n_labels, head.class_prior),
        date=time.strftime("%-d %B %Y", time.gmtime(head.created_at)),
        methods=_methods(exported),
        data=_data(exported),
        accuracy=_cell(_accuracy(exported)),
        quality="\n\n".join(_quality(exported)),
        classes_table="\n".join(_class_rows(exported)),
        embedding=_cell(encoder.description),
        head=_cell(head.version),
        project_id=exported.project.id,
        requirements=" ".join(encoder.requirements),
        commands=columns if len(fields) > 1 else FROM_LINES + columns,
        output=(
            f"every class with a probability of at least {MULTI_LABEL_THRESHOLD} and the probability, separated by tabs"
            if head.multi_label
            else "the class, a tab, and its probability"
        ),
        example=example,
        returned=_returned(head.classes, head.multi_label),
        limits="\n".join(f"- {limit}" for limit in _limits(exported, encoder)),
        files=encoder.files,
        modules="`command_line.py`, `input_texts.py`" + ", `markup.py`" * exported.shows_markup + " and `encoder.py`",
    )


def _methods(exported: ExportedProject) -> str:
    """The methods of the batches published before this model was trained, in the order of their first one."""
    methods = dict.fromkeys(run.method for run in exported.runs[:-1] if run.batch)
    return _cell(", then ".join(f"`{method}`" for method in methods)) or "the annotators, before the first batch"


def _limits(exported: ExportedProject, encoder: ExportedEncoder) -> list[str]:
    fields = exported.fields
    limits = [
        "It knows only the classes above, and predicts one of them for every text, also for one of another kind."
        if not exported.head.multi_label
        else "It knows only the classes above.",
        "Probabilities tell which predictions are surer; they are not calibrated to the texts that you classify.",
    ]
    if not exported.head.n_labels:
        limits.append("It has not seen a label: it knows the classes by their names or descriptions only.")
    tags = {text.tag for text in exported.config.texts}
    if len(fields) > 1:
        limits.append(f"A text is made of the fields {', '.join(fields)}, as Label Studio showed them together.")
    if "paragraphs" in tags:
        limits.append("A dialogue is given as one text, with a line for each turn: `speaker: words`.")
    if any(text.encoding != "none" for text in exported.config.texts):
        limits.append("A text that was encoded in Label Studio (base64) is given decoded.")
    return [*limits, *encoder.limits]


def _data(exported: ExportedProject) -> str:
    counts = exported.project.counts
    return (
        f"{exported.tasks:,} tasks in Label Studio, {counts.embedded:,} with a usable text, {counts.labeled:,} labelled"
    )


def _accuracy(exported: ExportedProject) -> str:
    """The accuracy with its bounds, or that it is not known."""
    evaluation = exported.evaluation
    if evaluation is None or evaluation["accuracy"]["value"] is None:
        return "not known"
    accuracy = evaluation["accuracy"]
    return f"{accuracy['value']:.0%} of the texts that were not labelled, {accuracy_bounds(accuracy)}"


def _quality(exported: ExportedProject) -> Iterator[str]:
    """Paragraphs about what the accuracy rests on, weak classes, confusions and annotators."""
    evaluation = exported.evaluation
    if evaluation is None:
        yield "Not evaluated yet: the service does it after each batch, so export again for the figures."
        return
    accuracy = evaluation["accuracy"]
    yield f"Accuracy: {_accuracy(exported)}. {accuracy_sentence(accuracy)}"
    if weak := weak_classes(evaluation):
        yield f"Weak classes, the weakest first: {listed(weak, WEAK_SHOWN)}."
    if confusions := evaluation["confusions"][:CONFUSIONS_SHOWN]:
        yield f"Confused most: {'; '.join(map(confusion_sentence, confusions))}."
    if alpha := alpha_sentence(evaluation["annotators"]):
        yield f"Annotators: {alpha}"


def _class_rows(exported: ExportedProject) -> Iterator[str]:
    """A row of the table of classes for each."""
    known = {} if exported.evaluation is None else {c["name"]: c for c in exported.evaluation["classes"]}
    for name in exported.head.classes:
        if name in known:
            shares = " | ".join(share_with_bounds(known[name][part]) for part in ("precision", "recall"))
            yield f"| {_cell(name)} | {known[name]['labels']:,} | {shares} |"
        else:
            yield f"| {_cell(name)} | {exported.project.counts.labels.get(name, 0):,} | – | – |"


def _returned(classes: Sequence[str], multi_label: bool) -> str:
    pairs = [(name, p) for name, p in zip(classes, (0.97, 0.61), strict=False)]
    return repr([pairs if multi_label else pairs[:1]])


def _cell(text: str) -> str:
    """The text for a cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")
