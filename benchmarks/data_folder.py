"""The option --data of the benchmarks that read data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DEFAULT = Path("DATA")
DataFolder = Annotated[
    Path,
    typer.Option(
        "--data",
        envvar="SIMULATOR_DATA",
        help="Folder with one Parquet file per data set, with the columns text, label and split.",
        exists=True,
        file_okay=False,
    ),
]
