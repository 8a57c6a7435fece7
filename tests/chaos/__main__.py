"""`python tests/chaos`: see the options with `--help`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import typer

from chaos.run import main

typer.run(main)
