"""Write a folder with a project's newest head and a program that classifies texts with it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from shutil import copyfile
from typing import Any

import numpy as np

from ml_backend import exported_program
from ml_backend.exported_program.classify import FORMAT
from ml_backend.labelstudio import markup
from ml_backend.labelstudio.shown_texts import ShownText
from ml_backend.labelstudio.value_templates import VARIABLE
from ml_backend.learning.embedding.names import parse
from ml_backend.learning.head.files import from_bytes
from ml_backend.pipeline.export.encoders import ExportedEncoder, exported_encoder
from ml_backend.pipeline.export.exported_project import ExportedProject, column, read_project
from ml_backend.pipeline.export.new_folder import new_folder
from ml_backend.pipeline.export.packaged_weights import write_packaged_model
from ml_backend.pipeline.export.readme import readme
from ml_backend.pipeline.likely_classes import MULTI_LABEL_THRESHOLD
from ml_backend.pipeline.made_from import made_from
from ml_backend.store import Store
from ml_backend.store.learning_records import HeadRecord
from ml_backend.store.records import ProjectRecord

PROGRAM = Path(exported_program.__file__).parent
NAMES_TASKS_OR_PEOPLE = {"look_again", "people", "disagreements"}
"""Parts of an evaluation that say nothing outside of the project."""
PROGRAM_FILES = ("classify.py", "command_line.py", "input_texts.py")


def export_model(
    store: Store, project: ProjectRecord, folder: Path, trust_remote_code: bool = False, force: bool = False
) -> str:
    """Write the newest head of a project and a program that classifies texts with it; returns a sentence about them.

    folder: it must not exist, or be empty; with `force` an earlier export is replaced; trust_remote_code: see
    `exported_encoder`. Raises NothingToExport, and ExportFailed for a folder, a label config or an embedding with which
    this is not possible.
    """
    exported = read_project(store, project)
    encoder = exported_encoder(exported.head.embedding_model, trust_remote_code)
    with new_folder(folder, force) as written:
        for name in PROGRAM_FILES:
            copyfile(PROGRAM / name, written / name)
        copyfile(PROGRAM / encoder.program_file, written / "encoder.py")
        if exported.shows_markup:
            copyfile(markup.__file__, written / "markup.py")
        if encoder.packaged_layers:
            write_packaged_model(written, encoder.packaged_layers)
        _write_head(written, exported.head)
        info = json.dumps(_info(exported, encoder), indent=2, ensure_ascii=False)
        (written / "model.json").write_text(f"{info}\n", encoding="utf-8")
        (written / "requirements.txt").write_text("".join(f"{line}\n" for line in encoder.requirements))
        (written / "README.md").write_text(readme(exported, encoder), encoding="utf-8")
    source = made_from(exported.head.n_labels, exported.head.class_prior)
    return (
        f"{exported.head.version} of project {project.id}, {len(exported.head.classes)} classes, is in {folder}; it is "
        f"made from {source}, and {folder / 'README.md'} says how to use it"
    )


def _write_head(folder: Path, record: HeadRecord) -> None:
    head = from_bytes(record.blob)
    np.savez(folder / "head.npz", weights=head.weights, bias=head.bias, seen=head.seen)


def _info(exported: ExportedProject, encoder: ExportedEncoder) -> dict[str, Any]:
    """What classify.py has to know about the model."""
    head = exported.head
    return {
        "format": FORMAT,
        "project": exported.title,
        "head": head.version,
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(head.created_at)),
        "labels": head.n_labels,
        "made_from": made_from(head.n_labels, head.class_prior),
        "class_texts": exported.class_texts,
        "classes": head.classes,
        "multi_label": head.multi_label,
        "threshold": MULTI_LABEL_THRESHOLD,
        "temperature": from_bytes(head.blob).temperature,
        "fields": list(exported.fields),
        "texts": [_shown(text) for text in exported.config.texts],
        "separator": parse(head.embedding_model).field_separator,
        "embedding": {"name": head.embedding_model, **encoder.options},
        "evaluation": _without_ids(exported.evaluation),
    }


def _without_ids(evaluation: dict[str, Any] | None) -> dict[str, Any] | None:
    """The evaluation without what names tasks and people."""
    if evaluation is None:
        return None
    annotators = evaluation["annotators"]
    together = None if annotators is None else {name: annotators[name] for name in ("alpha", "tasks")}
    confusions = [{name: v for name, v in pair.items() if name != "examples"} for pair in evaluation["confusions"]]
    kept = {name: part for name, part in evaluation.items() if name not in NAMES_TASKS_OR_PEOPLE}
    return {**kept, "confusions": confusions, "annotators": together}


def _shown(text: ShownText) -> dict[str, Any]:
    """A text that the annotator saw, for classify.py: its words and fields in order, and whether they are markup."""
    return {"parts": _parts(text), "markup": text.tag == "hypertext"}


def _parts(text: ShownText) -> list[dict[str, str]]:
    if text.field is not None:
        return [{"field": column(text.field)}]
    parts: list[dict[str, str]] = []
    position = 0
    for variable in VARIABLE.finditer(text.value):
        parts += [{"words": text.value[position : variable.start()]}, {"field": column(variable[0][1:])}]
        position = variable.end()
    parts.append({"words": text.value[position:]})
    return [part for part in parts if part.get("words") != ""]
