"""Settings of one project, chosen in Label Studio's connect form, on the project's page or through the API."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ml_backend import class_descriptions
from ml_backend.learning import catalogue
from ml_backend.learning.defaults import DEFAULT_INITIAL, DEFAULT_STRATEGY
from ml_backend.learning.embedding import names as embedding_names
from ml_backend.learning.unknown_names import unknown_name
from ml_backend.settings import SettingsError

__all__ = ["ClassNames", "ProjectSettings", "SettingsError", "known_names"]

LONGEST_GIVEN = 300
"""Characters of a refused value in a message."""


class ClassNames(StrEnum):
    """Whether the head uses what the names and descriptions of the classes say."""

    AUTO = "auto"
    OFF = "off"


class ProjectSettings(BaseModel):
    """The settings of a project; docs/labelling.md explains each.

    None means the default of the service, or what the label config defines. Raises pydantic.ValidationError.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    strategy: str = DEFAULT_STRATEGY
    initial: str = DEFAULT_INITIAL
    batch_size: int = Field(default=20, ge=1, le=1000)
    retrain_every: int = Field(default=5, ge=1, le=10_000)
    random_share: float = Field(default=0.1, ge=0, le=1)
    relabel_share: float = Field(default=0.0, ge=0, le=0.5)
    subpool: int | None = Field(default=None, ge=1)
    balance: int | None = Field(default=None, ge=1, le=100)
    embedding_model: str | None = Field(default=None, min_length=1)
    text_fields: list[str] | None = Field(default=None, min_length=1)
    control: str | None = Field(default=None, min_length=1)
    seed: int = Field(default=0, ge=0, le=2**63 - 1)
    class_names: ClassNames = ClassNames.AUTO
    class_descriptions: dict[str, str] | None = None

    @field_validator("strategy")
    @classmethod
    def _known_strategy(cls, value: str) -> str:
        return _one_of("strategy", value, strategy_names())

    @field_validator("initial")
    @classmethod
    def _known_initial(cls, value: str) -> str:
        return _one_of("initial method", value, initial_names())

    @field_validator("text_fields", mode="before")
    @classmethod
    def _list_of_fields(cls, value: Any) -> Any:
        """A string lists its fields as people type them: `title, body`, or a JSON list whose quotes a shell removed."""
        if not isinstance(value, str):
            return value
        written = value.strip()
        if written.startswith("[") and written.endswith("]"):
            written = written[1:-1]
        return [name for part in written.split(",") if (name := part.strip(" \t\r\n\"'"))]

    @field_validator("text_fields")
    @classmethod
    def _fields_have_names(cls, value: list[str] | None) -> list[str] | None:
        if value is not None and not all(name.strip() for name in value):
            raise ValueError(f"text_fields has an empty name: write the names of fields, not {value!r}"[:300])
        return value

    @field_validator("class_descriptions", mode="before")
    @classmethod
    def _descriptions_as_typed(cls, value: Any) -> Any:
        """A string holds JSON or a line for each class; null instead of a description is none."""
        if isinstance(value, str):
            value = class_descriptions.parse_descriptions(value)
        return class_descriptions.check_types(value)

    @field_validator("class_descriptions")
    @classmethod
    def _clean_descriptions(cls, value: dict[str, str] | None) -> dict[str, str] | None:
        return class_descriptions.clean_descriptions(value or {}) or None

    @classmethod
    def of_project(cls, stored: Mapping[str, Any]) -> ProjectSettings:
        """The settings of a project from those that the store keeps, which are not defaults.

        Raises SettingsError, which names each one that cannot be used here, such as a strategy of a removed package.
        """
        try:
            return cls.model_validate(stored)
        except ValidationError as error:
            raise SettingsError("; ".join(_sentence(problem) for problem in error.errors())) from None

    @classmethod
    def usable(cls, stored: Mapping[str, Any]) -> ProjectSettings:
        """The stored settings, with the default in place of each that cannot be used here."""
        try:
            return cls.model_validate(stored)
        except ValidationError as error:
            refused = {problem["loc"][0] for problem in error.errors() if problem["loc"]}
            return cls.model_validate({name: value for name, value in stored.items() if name not in refused})

    def merged(self, changes: Mapping[str, Any]) -> ProjectSettings:
        """A copy of these settings with the changes; None sets a setting back to its default.

        Raises SettingsError, which names each invalid setting and lists the known ones. Names of embedding models are
        checked here only, so that a stored one that works is never refused.
        """
        if not isinstance(changes, Mapping):
            raise SettingsError(
                f'settings must be a JSON object like {{"strategy": "badge"}}, not {type(changes).__name__}; '
                f"known settings: {', '.join(known_names())}"
            )
        values = self.model_dump()
        for name, value in changes.items():
            default = type(self).model_fields[name].default if name in type(self).model_fields else None
            values[name] = default if value is None else value
        try:
            merged = ProjectSettings.model_validate(values, strict=None)
        except ValidationError as error:
            raise SettingsError("; ".join(_sentence(problem) for problem in error.errors())) from None
        if merged.embedding_model is not None and merged.embedding_model != self.embedding_model:
            problem = embedding_names.problem_in_live_project(merged.embedding_model)
            if problem is not None:
                raise SettingsError(problem)
        return merged

    def changes_to(self, after: ProjectSettings) -> dict[str, list[Any]]:
        """Name → [value here, value in `after`] of each setting that differs, as JSON values.

        Of class descriptions only those that differ are in the values.
        """
        mine, others = self.model_dump(mode="json"), after.model_dump(mode="json")
        changes = {name: [value, others[name]] for name, value in mine.items() if value != others[name]}
        if "class_descriptions" in changes:
            before, now = (value or {} for value in changes["class_descriptions"])
            changes["class_descriptions"] = [
                {name: text for name, text in one.items() if text != other.get(name)} or None
                for one, other in ((before, now), (now, before))
            ]
        return changes


def known_names() -> list[str]:
    """Names of all settings of a project, in the order of their definition."""
    return list(ProjectSettings.model_fields)


def number_limits() -> dict[str, tuple[Any, Any]]:
    """Setting that is a number → its lowest and highest value, None without a highest."""
    limits: dict[str, tuple[Any, Any]] = {}
    for name, field in ProjectSettings.model_fields.items():
        lowest = next((part.ge for part in field.metadata if hasattr(part, "ge")), None)
        highest = next((part.le for part in field.metadata if hasattr(part, "le")), None)
        if lowest is not None:
            limits[name] = (lowest, highest)
    return limits


def strategy_names() -> list[str]:
    """Names of all strategies, including those of other packages, sorted."""
    return catalogue.strategy_names()


def strategy_summaries() -> dict[str, str]:
    """Name of the strategy → a short description, sorted by name."""
    return {name: catalogue.summary(name) for name in strategy_names()}


def strategy_uses() -> dict[str, str]:
    """Name of the strategy → when to choose it, in a sentence, sorted by name; empty for those of other packages."""
    return {name: catalogue.when(name) for name in strategy_names()}


def initial_names() -> list[str]:
    """Names of all initial methods, sorted."""
    return catalogue.initial_names()


def _one_of(what: str, value: str, allowed: list[str]) -> str:
    if value not in allowed:
        raise ValueError(unknown_name(what, value, allowed))
    return value


def _sentence(problem: Any) -> str:
    name = ".".join(str(part) for part in problem["loc"]) or "settings"
    if problem["type"] == "extra_forbidden":
        return unknown_name("setting", name, known_names())
    message = str(problem["msg"]).removeprefix("Value error, ")
    given = repr(problem.get("input"))
    given = given if len(given) <= LONGEST_GIVEN else f"{given[:LONGEST_GIVEN]}…"
    return f"{name}: {message} (given: {given})" if problem["type"] != "value_error" else message
