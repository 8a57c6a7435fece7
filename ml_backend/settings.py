"""Settings of the service, read from the environment under the names that Label Studio backends use."""

from pathlib import Path
from typing import Self

from pydantic import AliasChoices, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class SettingsError(ValueError):
    """A setting that cannot be used; the message names it and says why."""


class Settings(BaseSettings):
    """Settings of server, worker and commands; each field is read from the variable with its name in capitals.

    An empty variable counts as not set. docs/deployment.md explains each one. Raises pydantic.ValidationError.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True, env_ignore_empty=True)

    label_studio_url: str = Field(
        default="http://localhost:8080",
        validation_alias=AliasChoices("LABEL_STUDIO_URL", "LABEL_STUDIO_HOST"),
    )
    label_studio_public_url: str | None = None
    label_studio_api_key: str | None = None
    backend_url: str | None = None
    basic_auth_user: str | None = None
    basic_auth_pass: str | None = None
    webhook_secret: str | None = None
    log_level: str = "INFO"
    host: str = "0.0.0.0"
    port: int = Field(default=9090, ge=1, le=65535)
    model_dir: Path = Path("data")
    database_url: str = ""
    redis_url: str | None = None
    embedding_model: str = "minilm"
    embedding_trust_remote_code: bool = False
    threads: int = Field(default=8, ge=1, le=256)

    @field_validator("label_studio_url", "label_studio_public_url", "backend_url")
    @classmethod
    def _http_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if not value.startswith(("http://", "https://")):
            raise ValueError(f"must start with http:// or https://, not {value!r}")
        return value.rstrip("/")

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.upper() not in LOG_LEVELS:
            raise ValueError(f"must be one of {', '.join(LOG_LEVELS)}, not {value!r}")
        return value.upper()

    @model_validator(mode="after")
    def _both_or_neither(self) -> Self:
        if bool(self.basic_auth_user) != bool(self.basic_auth_pass):
            given, missing = ("USER", "PASS") if self.basic_auth_user else ("PASS", "USER")
            raise ValueError(
                f"BASIC_AUTH_{given} is set without BASIC_AUTH_{missing}: set both BASIC_AUTH_USER and BASIC_AUTH_PASS "
                "to require them from callers, or neither"
            )
        return self

    def model_post_init(self, _context: object) -> None:
        """Without DATABASE_URL, use a SQLite file in MODEL_DIR."""
        if not self.database_url:
            path = self.model_dir.expanduser().resolve() / "active_learning.db"
            object.__setattr__(self, "database_url", f"sqlite:///{path}")

    @property
    def address(self) -> str:
        """The address at which Label Studio reaches this backend: BACKEND_URL, or localhost."""
        return self.backend_url or f"http://localhost:{self.port}"

    @property
    def basic_auth(self) -> tuple[str, str] | None:
        """User and password that callers have to send, or None if basic auth is off."""
        return (self.basic_auth_user, self.basic_auth_pass) if self.basic_auth_user and self.basic_auth_pass else None

    @property
    def basic_auth_on(self) -> bool:
        """Whether callers have to send a user and a password."""
        return self.basic_auth is not None


def load_settings() -> Settings:
    """Settings from the environment. Raises SettingsError, which names each invalid variable and says why."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError(_sentences(error)) from None


def variables() -> list[str]:
    """Names of the environment variables from which settings are read."""
    aliases = ["LABEL_STUDIO_URL", "LABEL_STUDIO_HOST"]
    return aliases + [name.upper() for name in Settings.model_fields if name != "label_studio_url"]


def _sentences(error: ValidationError) -> str:
    lines = []
    for problem in error.errors():
        message = str(problem["msg"]).removeprefix("Value error, ")
        if problem["loc"]:
            name = str(problem["loc"][0]).upper()
            lines.append(f"{name}: {message} (given: {problem.get('input')!r})")
        else:  # the input of this problem contains all settings, also secrets, so it is not shown
            lines.append(message)
    return "The environment has settings that cannot be used. " + "; ".join(lines) + "."
