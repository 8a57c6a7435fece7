"""A call that kills the process that makes it, as the system does when memory runs out.

Imports nothing of the simulator, so that the many processes that it kills start fast.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path


def deadly(folder: Path, deaths: int) -> str:
    """Returns the folder's name; each of the first `deaths` calls leaves a file in the folder and kills its process."""
    if len(list(folder.iterdir())) < deaths:
        (folder / str(os.getpid())).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return folder.name
