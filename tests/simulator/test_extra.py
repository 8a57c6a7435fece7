"""Without the packages of the extra `simulator`, the simulator says what to install."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import simulator

REPOSITORY = Path(__file__).parents[2]
INSTALL = r'run `pip install "label-studio-active-learning\[simulator\]"`'


@pytest.mark.parametrize("module", simulator.ONLY_HERE)
def test_an_import_names_the_package_that_is_missing(module: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, module, None)
    package = simulator.ONLY_HERE[module]
    with pytest.raises(ImportError, match=f"the simulator needs {package}, which .* does not have: {INSTALL}"):
        importlib.reload(simulator)


def test_the_command_prints_the_sentence_and_no_traceback():
    # -S: without any installed package.
    command = [sys.executable, "-S", "-m", "simulator", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY)
    assert done.returncode == 1
    assert "label-studio-active-learning[simulator]" in done.stderr
    assert "Traceback" not in done.stderr
