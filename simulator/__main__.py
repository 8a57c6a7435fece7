"""`python -m simulator`."""

from simulator.cli.app import app

app(prog_name="python -m simulator")
