"""What a label config and a project's settings say about each class."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.project_settings import ProjectSettings, SettingsError
from ml_backend.readable_names import is_code, readable

NAMES_IN_A_SENTENCE = 20
FEWEST_WORDS = 4
"""Of a hint that describes its class; a shorter one, such as "with refunds", only completes the name."""


@dataclass(frozen=True)
class DescribedClasses:
    """names: one per class, distinct, in the order of the classes; descriptions: name → description, where one is."""

    names: tuple[str, ...]
    descriptions: dict[str, str]


def described_classes(config: LabelConfig, descriptions: Mapping[str, str] | None = None) -> DescribedClasses:
    """The names and descriptions from which a class's text is made.

    A name is what the editor shows, or the alias where that says more. A description is that of the settings, else the
    hint of the choice. descriptions: class → description, from the settings; classes that the config lacks are ignored.
    """
    names = tuple(config.words.get(name, name) for name in config.classes)
    found: dict[str, str] = {}
    for class_name, name in zip(config.classes, names, strict=True):
        if written := (descriptions or {}).get(class_name, ""):
            found[name] = written
        elif hint := config.hints.get(class_name, ""):
            completes = len(hint.split()) < FEWEST_WORDS and hint.isascii() and not is_code(name)
            found[name] = f"{readable(name)}: {hint}" if completes else hint
    return DescribedClasses(names, found)


def check_descriptions(config: LabelConfig, settings: ProjectSettings, before: ProjectSettings | None = None) -> None:
    """Raises SettingsError, which names the classes of the config, if the settings describe one that it lacks.

    before: settings whose descriptions are known; a class that they describe may have vanished from the config since.
    """
    known = before.class_descriptions or {} if before is not None else {}
    unknown = [name for name in _unknown(config, settings) if name not in known]
    if unknown:
        raise SettingsError(
            f"class_descriptions: the label config has no {_classes(unknown)}; it has {_listed(config.classes)}"
        )


def notes_of(config: LabelConfig, settings: ProjectSettings) -> tuple[str, ...]:
    """The notes of the config, and one about described classes that it does not have any more, as sentences."""
    unknown = _unknown(config, settings)
    if not unknown:
        return config.notes
    vanished = (
        f'The setting "class_descriptions" describes {_listed(unknown)}, which the label config does not have: the '
        "description is not used. Remove it, or change it to the name that the class has now."
    )
    return (*config.notes, vanished)


def _unknown(config: LabelConfig, settings: ProjectSettings) -> list[str]:
    return [name for name in settings.class_descriptions or {} if name not in config.paths]


def _classes(names: list[str]) -> str:
    return f"{'class' if len(names) == 1 else 'classes'} {_listed(names)}"


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    shown = ", ".join(repr(name[:100]) for name in names[:NAMES_IN_A_SENTENCE])
    more = len(names) - NAMES_IN_A_SENTENCE
    return f"{shown} and {more:,} more" if more > 0 else shown
