"""The data of a Label Studio that was started once; `python tests/fresh_label_studio.py` makes it.

The first start creates the database, which takes half a minute of one core; with a copy of it, Label Studio starts in
seconds.
"""

from __future__ import annotations

import fcntl
import shutil
from pathlib import Path

from ml_backend.commands.demo.label_studio_process import VERSION, LabelStudioProcess, free_port, installed

REPOSITORY = Path(__file__).parents[1]
BUILD = REPOSITORY / "build"


def command() -> Path:
    """The `label-studio` program; it is installed if it is missing."""
    return installed(REPOSITORY / ".venv-labelstudio")


def fresh_data() -> Path:
    """The folder of data with the first user and nothing else, to be copied; it is made if it is missing.

    Raises StartFailed if Label Studio cannot be installed or started.
    """
    folder = BUILD / f"label-studio-{VERSION}"
    BUILD.mkdir(exist_ok=True)
    with (BUILD / "label-studio.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test processes start at once
        if not folder.exists():
            _make_data(BUILD / "label-studio-unfinished").rename(folder)
    return folder


def _make_data(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    process = LabelStudioProcess(command(), folder, free_port(0))
    process.start(seconds=500)
    process.stop()
    process.log.unlink()
    return folder


if __name__ == "__main__":
    fresh_data()
