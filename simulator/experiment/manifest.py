"""run.json: how the results of a folder were made, and the check that results of another experiment are not added."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml_backend.learning.embedding.cards import card_of
from ml_backend.learning.embedding.class_texts import ClassTexts
from ml_backend.learning.embedding.names import parse
from simulator.data.atomic_files import write_atomically
from simulator.data.data_error import DataError
from simulator.data.embedding_names import identity
from simulator.data.encodings import access_to
from simulator.experiment.call_record import CallRecord
from simulator.experiment.definition import Experiment
from simulator.experiment.grid import HeadKind

if TYPE_CHECKING:
    from simulator.data.datasets import Dataset

MANIFEST = "run.json"
PACKAGES = ("numpy", "scipy", "scikit-learn", "torch", "sentence-transformers", "joblib")


class AnotherExperiment(ValueError):
    """The folder holds results with another budget or other data, which must not be compared with the new ones."""


def check_same_settings(experiment: Experiment) -> None:
    """Check that the folder of the experiment is empty or holds results with the same settings; reads no data.

    Raises AnotherExperiment, naming the difference, and DataError for a file and for a folder that cannot be opened.
    """
    before = _read(experiment.out / MANIFEST)
    for name, value in _shared_settings(experiment).items():
        saved = before.get(name)
        if before and saved != value:
            raise AnotherExperiment(
                f"{experiment.out} holds results with {name} {_or_off(saved)}, and this command has {_or_off(value)}: "
                "use another --out"
            )
    saved_files = before.get("strategy_files", {})
    for name, sha256 in _strategy_files(experiment).items():
        if saved_files.get(name, None if name in before.get("strategies", []) else sha256) != sha256:
            raise AnotherExperiment(
                f"{experiment.out} holds results of the strategy {name} from another file, or from this one before it "
                "was changed: give the file another name, or use another --out"
            )


def check_same_experiment(
    experiment: Experiment, datasets: Mapping[str, Dataset], class_texts: Mapping[str, ClassTexts]
) -> None:
    """Check that new results may be added to the folder of the experiment.

    class_texts: what the head `named` knows of the classes, by dataset. Datasets, embeddings, strategies, initial
    methods, heads and seeds may be added; everything else must be unchanged. Raises AnotherExperiment, naming the
    difference, and DataError for a folder that cannot be opened.
    """
    check_same_settings(experiment)
    before = _read(experiment.out / MANIFEST)
    contents = before.get("embedding_contents", {})
    for name, content in _embedding_contents(experiment).items():
        if contents.get(name, content) != content:
            raise AnotherExperiment(
                f"{experiment.out} holds results of the embedding {name} with other contents: use another --out, or "
                "restore the previous contents"
            )
    for name, dataset in datasets.items():
        described = before.get("datasets", {}).get(name)
        if described is not None and described["fingerprint"] != dataset.fingerprint():
            raise AnotherExperiment(
                f"{experiment.out} holds results on other texts or labels of {name!r}: use another --out"
            )
    for name, now in _by_class(datasets, class_texts).items():
        saved = before.get("class_texts", {}).get(name, now)
        changed = next((c for c in datasets[name].classes if saved.get(c) != now.get(c)), None)
        if changed is not None:
            before_text, text = (_or_nothing(texts.get(changed)) for texts in (saved, now))
            raise AnotherExperiment(
                f"{experiment.out} holds results of the head `named` with {before_text} for the class {changed!r} of "
                f"{name!r}, and this command has {text}: use another --out, or the same --class-descriptions"
            )


def write_manifest(
    experiment: Experiment,
    datasets: Mapping[str, Dataset],
    class_texts: Mapping[str, ClassTexts],
    call: CallRecord,
    *,
    finished: bool = False,
) -> None:
    """Write run.json for all calls so far. Raises CannotSave.

    class_texts: as of `check_same_experiment`; finished: whether this call has ended.
    """
    path = experiment.out / MANIFEST
    before: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    call.grid = _grid(experiment, datasets)
    files = before.get("strategy_files", {}) | _strategy_files(experiment)
    known_classes = before.get("class_texts", {}) | _by_class(datasets, class_texts)
    record = {
        "command": call.command,
        **{name: value for name, value in _shared_settings(experiment).items() if value is not None},
        "embeddings": _union(before.get("embeddings", []), list(experiment.named_embeddings())),
        "embedding_contents": before.get("embedding_contents", {}) | _embedding_contents(experiment),
        "embedding_cards": before.get("embedding_cards", {}) | _embedding_cards(experiment),
        "strategies": _union(before.get("strategies", []), experiment.strategies),
        **({"strategy_files": files} if files else {}),
        "initials": _union(before.get("initials", []), experiment.initials),
        "heads": _union(before.get("heads", [HeadKind.PLAIN.value] if before else []), experiment.heads),
        **({"class_texts": known_classes} if known_classes else {}),
        "seeds": max(before.get("seeds", 0), experiment.seeds),
        "jobs": experiment.jobs,
        "cache": str(experiment.cache),
        "datasets": before.get("datasets", {}) | {name: _description(d) for name, d in datasets.items()},
        "calls": call.among(before.get("calls", []), finished=finished),
        "machine": f"{platform.processor() or platform.machine()}, Python {platform.python_version()}",
        "versions": {name: version(name) for name in PACKAGES},
    }
    write_atomically(path, json.dumps(record, indent=1).encode())


def _read(path: Path) -> dict[str, Any]:
    """What run.json holds; empty without the file. Raises AnotherExperiment and DataError."""
    with access_to(path):
        if path.parent.is_file():
            raise DataError(f"{path.parent} is a file: give --out a folder")
        if not path.exists():
            return {}
    try:
        manifest: dict[str, Any] = json.loads(path.read_text())
    except ValueError:
        raise AnotherExperiment(
            f"{path} is not valid JSON; use another --out, or delete the file if you know what the folder contains"
        ) from None
    return manifest


def _shared_settings(experiment: Experiment) -> dict[str, Any]:
    """Settings that all runs of a folder share, by their keys in the manifest; None: off, and not written there."""
    return {
        "protocol": asdict(experiment.budget),
        "changes": asdict(experiment.perturbations),
        **{name: value or None for name, value in asdict(experiment.options).items()},
        "evaluate": experiment.evaluate or None,
    }


def _grid(experiment: Experiment, datasets: Mapping[str, Dataset]) -> dict[str, list[Any]]:
    """The names and seeds of which this call makes all combinations; datasets: those that could be read."""
    return {
        "datasets": list(datasets),
        "embeddings": list(experiment.named_embeddings()),
        "strategies": list(experiment.strategies),
        "initials": list(experiment.initials),
        "heads": list(experiment.heads),
        "seeds": list(range(experiment.seeds)),
    }


def _or_off(value: Any) -> Any:
    return "off" if value is None else "on" if value is True else value


def _strategy_files(experiment: Experiment) -> dict[str, str]:
    """Hashes of the strategies that are files of the user, by name."""
    return {name: file.sha256 for name, file in experiment.strategy_files.items()}


def _embedding_contents(experiment: Experiment) -> dict[str, str]:
    """What identifies embeddings whose names do not: hashes of files and folders, and what an own name stands for."""
    contents = {name: identity(name, embedding) for name, embedding in experiment.named_embeddings().items()}
    return {name: content for name, content in contents.items() if content is not None}


def _embedding_cards(experiment: Experiment) -> dict[str, dict[str, Any]]:
    """What is known of each embedding besides its vectors, by the names in the results."""
    return {
        name: {"embedding": embedding, **asdict(card_of(parse(embedding)))}
        for name, embedding in experiment.named_embeddings().items()
    }


def _by_class(datasets: Mapping[str, Dataset], class_texts: Mapping[str, ClassTexts]) -> dict[str, dict[str, str]]:
    """The text of each class by dataset; no classes where their names are not used."""
    return {
        name: dict(zip(datasets[name].classes, known.texts, strict=True)) if known.texts else {}
        for name, known in class_texts.items()
    }


def _or_nothing(text: str | None) -> str:
    return "nothing" if text is None else f"the text {text!r}"


def _union(before: Sequence[str], now: Sequence[str]) -> list[str]:
    return list(dict.fromkeys([*before, *now]))


def _description(dataset: Dataset) -> dict[str, Any]:
    return {
        "classes": len(dataset.classes),
        "pool": len(dataset.train),
        "different_texts": int(dataset.train.first_of_each_text().sum()),
        "test": len(dataset.test),
        "fingerprint": dataset.fingerprint(),
        **({"note": dataset.note} if dataset.note else {}),
    }
