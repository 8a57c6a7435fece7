"""A call that kills the process that makes it, as the system does when memory runs out.

Imports nothing of the simulator: every process that dies of it is started anew.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path


def deadly(folder: Path, deaths: int) -> str:
    """Returns the folder's name; the first `deaths` calls die, and leave a file in the folder each."""
    if len(list(folder.iterdir())) < deaths:
        (folder / str(os.getpid())).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return folder.name
