"""The README.md of an exported folder."""

from __future__ import annotations

import time
from collections.abc import Sequence
from shlex import quote

from ml_backend.commands.export.encoders import ExportedEncoder
from ml_backend.commands.export.exported_project import ExportedProject
from ml_backend.pipeline.likely_classes import MULTI_LABEL_THRESHOLD
from ml_backend.pipeline.made_from import made_from
from ml_backend.store.learning_records import RunRecord

AGREEMENT_WINDOW = 50
"""Labels, or a few more, over which agreement is measured."""

TEXT = """\
# {title}

A model that classifies texts. It was trained in Label Studio with active learning, and runs without the service that
trained it.

| | |
|---|---|
| classes | {classes} |
| a text has | {kind} |
| made from | {made_from}, on {date} |
| texts chosen by | {methods} |
| measured | {measured} |
| embedding | {embedding} |
| model | `{head}` of project {project_id} |

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

## Limits

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
        measured=_measured(exported.runs),
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
        "A strategy chooses texts that are hard for the model, so the measured share is likely lower than the share on "
        "all texts, and few labels measure it roughly. Before you rely on it, count on labels of your own.",
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


def _measured(runs: Sequence[RunRecord]) -> str:
    """How many of the last labels the head of the time had predicted, as a sentence."""
    right = asked = 0
    for run in reversed(runs):
        right, asked = right + run.right, asked + run.asked
        if asked >= AGREEMENT_WINDOW:
            break
    if not asked:
        return "nothing yet"
    return f"{right} of the last {asked} labels ({right / asked:.0%}) had been predicted before they were given"


def _returned(classes: Sequence[str], multi_label: bool) -> str:
    pairs = [(name, p) for name, p in zip(classes, (0.97, 0.61), strict=False)]
    return repr([pairs if multi_label else pairs[:1]])


def _cell(text: str) -> str:
    """The text for a cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")
