"""Descriptions of classes, one sentence each, from a file or built in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from ml_backend.class_descriptions import one_line
from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.learning.embedding.class_texts import ClassTexts, class_texts
from simulator.data.data_error import DataError
from simulator.data.delimited import read_delimited
from simulator.data.encodings import read_text
from simulator.data.shortened import shortened

BUILT_IN = {"builtin": "class_descriptions.json", "builtin-names": "class_names.json"}
"""Words in the place of a file: sentences for the benchmark's datasets, and names for those whose classes are codes."""
ANY = ""
"""The key of descriptions that are given without the name of a dataset."""
MOST_NAMES_SHOWN = 200
"""Characters of a list of classes in a message."""
EXAMPLE = '{"spam": "Advertising that nobody asked for."}'


@dataclass(frozen=True)
class ClassDescriptions:
    """source: where they are from, for messages; by_dataset: dataset → class → sentence, with the dataset ANY for those
    of a file that names no dataset; built_in: whether they describe the benchmark's datasets, whatever the command's.
    """

    source: str = ""
    by_dataset: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    built_in: bool = False

    def check(self, datasets: Sequence[str]) -> None:
        """Raise DataError if a file without names of datasets is given for several, or one that names none of them."""
        if ANY in self.by_dataset and len(datasets) > 1:
            raise DataError(
                f"{self.source} describes the classes of one dataset, and this command has {', '.join(datasets)}: give "
                f"it as {{dataset: {{class: sentence}}}}, for example {{{json.dumps(datasets[0])}: {EXAMPLE}}}"
            )
        if self.by_dataset and not self.built_in and self.by_dataset.keys().isdisjoint([ANY, *datasets]):
            raise DataError(
                f"{self.source} describes the classes of {_listed(list(self.by_dataset))}, and this command has "
                f"{', '.join(datasets)}: give it under the name of the dataset, for example "
                f"{{{json.dumps(datasets[0])}: {EXAMPLE}}}"
            )

    def of(self, dataset: str, classes: Sequence[str], may_lack: bool) -> tuple[dict[str, str], list[str]]:
        """Descriptions of the classes of a dataset by class, and notes on what is described on one side only.

        may_lack: whether the data may lack a class that is described, as when rare ones were left out. Raises DataError
        for a class that the dataset does not have, which is most likely misspelt.
        """
        described = self.by_dataset.get(dataset, self.by_dataset.get(ANY, {}))
        missing = [name for name in classes if name not in described]
        unknown = sorted(described.keys() - set(classes))
        if unknown and not may_lack and not self.built_in:
            raise DataError(
                f"{self.source} describes the class {shortened(unknown[0])!r}, which {dataset} does not have: correct "
                f"or remove it. Classes without a description: {_listed(missing)}"
            )
        notes = []
        if unknown and not self.built_in:
            notes.append(f"{self.source} describes {_listed(unknown)} too, which the data does not have")
        if missing and (described or (self.source and not self.built_in)):
            notes.append(
                f"{self.source} has no description of {_listed(missing)}: the name of "
                f"{'the class is' if len(missing) == 1 else 'each of these classes is'} used"
            )
        return {name: described[name] for name in classes if name in described}, notes


NO_DESCRIPTIONS = ClassDescriptions()


def texts_of_classes(classes: Sequence[str], descriptions: Mapping[str, str], config: LabelConfig | None) -> ClassTexts:
    """What is embedded for each class: its description, else its name.

    config: the label config that has these classes, whose hints and shown values count as in the live service; None
    where there is none.
    """
    if config is None:
        return class_texts(classes, descriptions)
    from ml_backend.labelstudio.described_classes import described_classes

    of_config = described_classes(config, descriptions)
    shown = dict(zip(config.classes, of_config.names, strict=True))
    return class_texts([shown.get(name, name) for name in classes], of_config.descriptions)


def read_descriptions(given: str) -> ClassDescriptions:
    """Descriptions from a file, or those that a word of BUILT_IN names.

    A file is JSON, {class: sentence} or {dataset: {class: sentence}}, or CSV with the columns class and description.
    Raises DataError for a file that is none of these, describes a class twice or has an empty description.
    """
    if given in BUILT_IN:
        text = files("simulator.data").joinpath(BUILT_IN[given]).read_text(encoding="utf-8")
        return ClassDescriptions(given, json.loads(text), built_in=True)
    path = Path(given)
    suffix = path.suffix.lower()
    if suffix == ".json":
        return ClassDescriptions(given, _of_json(path))
    if suffix in (".csv", ".tsv"):
        return ClassDescriptions(given, {ANY: _of_table(path)})
    raise DataError(
        f"--class-descriptions takes a file that ends in .json, .csv or .tsv, or one of the words "
        f"{', '.join(BUILT_IN)}; got {given!r}"
    )


def _of_json(path: Path) -> dict[str, dict[str, str]]:
    def without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name.strip() for name, _ in pairs]
        _refuse_repeats(path, names)
        return dict(zip(names, (value for _, value in pairs), strict=True))

    try:
        content = json.loads(read_text(path), object_pairs_hook=without_repeats)
    except json.JSONDecodeError as problem:
        raise DataError(f"{path} is not valid JSON: {problem}") from None
    if isinstance(content, dict) and all(isinstance(value, str) for value in content.values()):
        return {ANY: _sentences(path, content)}
    if not isinstance(content, dict) or not all(isinstance(value, dict) for value in content.values()):
        raise DataError(f"{path} must be {EXAMPLE}, or such an object for each dataset, by the name of the dataset")
    return {name: _sentences(path, described) for name, described in content.items()}


def _of_table(path: Path) -> dict[str, str]:
    rows = read_delimited(path, ["class", "description"])
    for column in ("class", "description"):
        if column not in rows.columns:
            raise DataError(f"{path} has no column {column!r}: its header must have class and description")
    names = [str(name or "").strip() for name in rows.columns["class"]]
    _refuse_repeats(path, names)
    return _sentences(path, dict(zip(names, rows.columns["description"], strict=True)))


def _sentences(path: Path, described: Mapping[str, Any]) -> dict[str, str]:
    for name, sentence in described.items():
        if not isinstance(sentence, str) or not one_line(sentence):
            raise DataError(
                f"{path}: the description of {shortened(name)!r} must be a sentence, not {shortened(sentence)!r}; "
                "without its entry the name of the class is used"
            )
    return {name: one_line(sentence) for name, sentence in described.items()}


def _refuse_repeats(path: Path, names: Sequence[str]) -> None:
    repeated = [name for i, name in enumerate(names) if name in names[:i]]
    if repeated:
        raise DataError(f"{path} describes {shortened(repeated[0])!r} twice: keep one of them")


def _listed(names: Sequence[str]) -> str:
    if not names:
        return "none"
    shown = shortened(", ".join(map(str, names)), MOST_NAMES_SHOWN)
    return shown if len(names) < 3 else f"{shown} ({len(names)} classes)"
