"""`python -m simulator`."""

import sys
from importlib.util import find_spec

NEEDED = ("jinja2", "joblib", "matplotlib", "pandas", "plotly", "pyarrow", "scikit_posthocs")
"""Modules of the packages that the extra `simulator` of pyproject.toml installs on top of the service."""


def main() -> None:
    """Run the command line, or exit with a message that names the missing packages."""
    missing = [package for package in NEEDED if find_spec(package) is None]
    if missing:
        sys.exit(
            f"The simulator needs {', '.join(missing)}, which the service's installation does not have: "
            'pip install "label-studio-active-learning[simulator]"'
        )
    from simulator.cli.app import app

    app(prog_name="python -m simulator")


if __name__ == "__main__":
    main()
