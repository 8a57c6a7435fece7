"""The backend as a separate process on embedded storage, started by `serve`."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from ml_backend.commands.demo.label_studio_process import stop_group, wait_until_up
from ml_backend.settings import Settings, variables


@dataclass
class BackendProcess:
    """One running backend.

    folder: of its data; port: on which it listens; label_studio_url, api_key: of the Label Studio that it works with;
    environment: further variables for it; process: None while it is not running.
    """

    folder: Path
    port: int
    label_studio_url: str
    api_key: str
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address on this machine."""
        return f"http://localhost:{self.port}"

    @property
    def log(self) -> Path:
        """The file of its log."""
        return self.folder / "backend.log"

    @property
    def settings(self) -> dict[str, str]:
        """Variables added to the environment of this process; those that may be set for another backend are empty."""
        return {
            **dict.fromkeys(variables(), ""),
            "LABEL_STUDIO_URL": self.label_studio_url,
            "LABEL_STUDIO_API_KEY": self.api_key,
            "MODEL_DIR": str(self.folder),
            "PORT": str(self.port),
            **self.environment,
        }

    @property
    def own_settings(self) -> Settings:
        """Its settings, for commands that run in this process; all others have their defaults."""
        overrides = {
            "label_studio_url": self.label_studio_url,
            "label_studio_api_key": self.api_key,
            "model_dir": self.folder,
            "port": self.port,
        }
        return Settings(**{name: field.default for name, field in Settings.model_fields.items()} | overrides)

    def start(self) -> None:
        """Start it and wait until it responds. Raises StartFailed with the end of its log."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ml_backend", "serve"],
                env=os.environ | self.settings,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_until_up(f"http://127.0.0.1:{self.port}/health", self.process, self.log, 60.0)

    def stop(self) -> None:
        """Stop it and its worker."""
        if self.process is not None:
            stop_group(self.process)
            self.process = None
