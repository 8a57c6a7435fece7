import os
import subprocess
import sys

from ml_backend.worker.supervisor import NICENESS


def test_a_worker_beside_the_server_has_lower_priority():
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import os; from ml_backend.worker.supervisor import lower_priority; lower_priority(); print(os.nice(0))",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) == os.nice(0) + NICENESS
