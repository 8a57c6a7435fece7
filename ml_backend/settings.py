"""Settings of the service, read from the environment under the names that Label Studio backends use."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import AliasChoices, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from ml_backend import environment_values
from ml_backend.learning.embedding.names import problem_in_live_project

SECRETS = {
    "label_studio_api_key",
    "label_studio_proxy_authorization",
    "basic_auth_user",
    "basic_auth_pass",
    "webhook_secret",
    "secret_key",
    "database_url",
    "redis_url",
}
"""Settings whose values are never shown, since each is or may contain a secret."""
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class LogFormat(StrEnum):
    """How lines of the log are written."""

    TEXT = "text"
    JSON = "json"


class SettingsError(ValueError):
    """A setting that cannot be used; the message names it and says why."""


class Settings(BaseSettings):
    """Settings of server, worker and commands; each field is read from the variable with its name in capitals.

    An empty variable counts as not set. docs/deployment.md explains each one. Raises pydantic.ValidationError.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", populate_by_name=True, env_ignore_empty=True, hide_input_in_errors=True
    )

    label_studio_url: str = Field(
        default="http://localhost:8080",
        validation_alias=AliasChoices("LABEL_STUDIO_URL", "LABEL_STUDIO_HOST"),
    )
    label_studio_public_url: str | None = None
    label_studio_api_key: str | None = Field(default=None, repr=False)
    label_studio_proxy_authorization: str | None = Field(default=None, repr=False)
    backend_url: str | None = None
    basic_auth_user: str | None = Field(default=None, repr=False)
    basic_auth_pass: str | None = Field(default=None, repr=False)
    webhook_secret: str | None = Field(default=None, repr=False)
    secret_key: str | None = Field(default=None, repr=False)
    log_level: str = "INFO"
    host: str = "0.0.0.0"
    port: int = Field(default=9090, ge=1, le=65535)
    model_dir: Path = Path("data")
    database_url: str = Field(default="", repr=False)
    redis_url: str | None = Field(default=None, repr=False)
    embedding_model: str = "minilm"
    embedding_trust_remote_code: bool = False
    threads: int = Field(default=8, ge=1, le=256)
    min_free_disk_mb: int = Field(default=200, ge=0)
    log_format: LogFormat = LogFormat.TEXT
    max_connections_per_address: int = Field(default=256, ge=0)
    trusted_proxies: str = ""

    @field_validator("label_studio_url", "label_studio_public_url")
    @classmethod
    def _label_studio_address(cls, value: str | None) -> str | None:
        return None if value is None else environment_values.label_studio_address(value)

    @field_validator("backend_url")
    @classmethod
    def _backend_address(cls, value: str | None) -> str | None:
        return _cleaned(value, environment_values.backend_address)

    @field_validator("label_studio_api_key")
    @classmethod
    def _key(cls, value: str | None) -> str | None:
        return _cleaned(value, environment_values.label_studio_key)

    @field_validator("basic_auth_user")
    @classmethod
    def _user(cls, value: str | None) -> str | None:
        return _cleaned(value, environment_values.user_name)

    @field_validator("basic_auth_pass")
    @classmethod
    def _password(cls, value: str | None) -> str | None:
        return _cleaned(value, environment_values.password)

    @field_validator("label_studio_proxy_authorization")
    @classmethod
    def _header(cls, value: str | None) -> str | None:
        return _cleaned(value, environment_values.header_value)

    @field_validator("log_format", mode="before")
    @classmethod
    def _known_format(cls, value: str) -> str:
        return value.strip().lower()

    @field_validator("webhook_secret")
    @classmethod
    def _secret(cls, value: str | None) -> str | None:
        return _cleaned(value, environment_values.secret)

    @field_validator("database_url", "redis_url")
    @classmethod
    def _service(cls, value: str | None) -> str | None:
        return None if value is None else environment_values.service_address(value)

    @field_validator("secret_key")
    @classmethod
    def _signing_key(cls, value: str | None) -> str | None:
        return _cleaned(value, environment_values.signing_key)

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.upper() not in LOG_LEVELS:
            raise ValueError(f"must be one of {', '.join(LOG_LEVELS)}, not {value!r}")
        return value.upper()

    @field_validator("embedding_model")
    @classmethod
    def _usable_model(cls, value: str) -> str:
        if problem := problem_in_live_project(value.strip()):
            raise ValueError(problem)
        return value.strip()

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: str) -> str:
        environment_values.networks(value)
        return value

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
    def proxy_networks(self) -> tuple[environment_values.Network, ...]:
        """The networks of TRUSTED_PROXIES."""
        return environment_values.networks(self.trusted_proxies)

    @property
    def basic_auth(self) -> tuple[str, str] | None:
        """User and password that callers have to send, or None if basic auth is off."""
        return (self.basic_auth_user, self.basic_auth_pass) if self.basic_auth_user and self.basic_auth_pass else None

    @property
    def basic_auth_on(self) -> bool:
        """Whether callers have to send a user and a password."""
        return self.basic_auth is not None

    @property
    def sign_in_on(self) -> bool:
        """Whether there is anything to sign in with: user and password, or a Label Studio that is configured."""
        return self.basic_auth_on or self.label_studio_api_key is not None


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


def _cleaned(value: str | None, clean: Callable[[str], str]) -> str | None:
    return clean(value) or None if value is not None and value.strip() else None


def _sentences(error: ValidationError) -> str:
    lines = []
    for problem in error.errors():
        message = str(problem["msg"]).removeprefix("Value error, ")
        if problem["loc"]:
            name = str(problem["loc"][0])
            # A message of ours shows what may be shown of the value.
            is_shown = problem["type"] != "value_error" and name.lower() not in SECRETS
            given = f" (given: {problem.get('input')!r})" if is_shown else ""
            lines.append(f"{name.upper()}: {message}{given}")
        else:  # the input of this problem contains all settings, also secrets, so it is not shown
            lines.append(message)
    return "The environment has settings that cannot be used. " + "; ".join(lines) + "."
