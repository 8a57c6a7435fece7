"""Parsing of lists and name=value pairs given on the command line."""

from __future__ import annotations

from pathlib import Path

from ml_backend.labelstudio.label_config import LabelConfig, UnsupportedLabelConfig, parse
from ml_backend.learning import catalogue
from ml_backend.learning.catalogue import BrokenStrategy
from ml_backend.learning.strategy_file import StrategyFile
from ml_backend.learning.unknown_names import unknown_name
from simulator.data.columns import DEFAULT_TEXT
from simulator.data.command_options import with_options
from simulator.data.data_error import DataError
from simulator.data.encodings import read_text
from simulator.experiment.budget import BUDGETS, Budget
from simulator.experiment.grid import ORACLE, HeadKind

STRATEGY_SUFFIX = ".py"
SUBPOOL_HELP = "Strategies choose among this many texts, drawn at random."
BALANCE_HELP = (
    "Strategies rank this many times the batch size; those texts whose predicted classes have the fewest labels are "
    "taken."
)
RANDOM_SHARE_HELP = (
    "Share of each batch, 0 to 1, that is drawn at random from all open texts instead of by the strategy. A live "
    "project draws 0.1 by default; the simulator draws none, so that strategies are compared as they are."
)
EVALUATE_HELP = (
    "In each cycle, also estimate the head's accuracy from its own labels, as the live service does, and record it "
    "beside the truth. Use it with --random-share."
)

FORMATS_HELP = (
    "CSV or TSV (separated by comma, semicolon, tab or |), JSON (a list of objects), JSON lines, Excel (.xlsx) or "
    "Parquet, with one row for each text; or Label Studio's JSON, JSON_MIN, CSV or TSV export, or its import format."
)
TEXT_COLUMN_HELP = "Name of the column with the text; `meta.title` is the key `title` of the objects in `meta`."
LABEL_COLUMN_HELP = "Name of the column with the label."
CONTROL_HELP = "For files of Label Studio: name of the control that holds the label, if there are several."
LABEL_CONFIG_HELP = (
    "File with the project's label config (XML): texts and answers are read as the live service reads them, for "
    "example without the markup of <HyperText>."
)

CLASS_DESCRIPTIONS_HELP = (
    "For the head `named`: file with a sentence for each class, JSON {class: sentence} or {dataset: {class: "
    "sentence}}, or CSV or TSV with the columns class and description; or the word builtin, which describes the "
    "benchmark's datasets, or builtin-names, which only gives them readable names. Classes without a description are "
    "known by their names."
)


def names(listed: str) -> list[str]:
    """The names of a comma-separated list, in order, without duplicates."""
    return list(dict.fromkeys(name.strip() for name in listed.split(",") if name.strip()))


def some_names(option: str, listed: str) -> list[str]:
    """The `names` given to an option. Raises ValueError if there is none."""
    found = names(listed)
    if not found:
        raise ValueError(f"{option} {listed!r} names nothing: give one name or more, separated by commas")
    return found


def strategies_of(listed: str) -> list[str]:
    """The names of the strategies of a comma-separated list, without duplicates. Raises ValueError if there is none.

    `all` stands for all that can be used, and the path of a Python file for the strategy in it, which has its name.
    """
    given = some_names("--strategies", listed)
    expanded = [_all_strategies() if name == "all" else [_strategy_name(name)] for name in given]
    return list(dict.fromkeys(name for part in expanded for name in part))


def _strategy_name(written: str) -> str:
    return Path(written).stem if written.endswith(STRATEGY_SUFFIX) else written


def _all_strategies() -> list[str]:
    if not catalogue.plugins():
        return catalogue.strategy_names()
    # Whether the strategies of other packages can be used is known only when they are loaded.
    from ml_backend.learning import strategies

    return strategies.names()


def strategy_files_of(listed: str) -> dict[str, StrategyFile]:
    """The strategies of a comma-separated list that are paths of Python files, by name.

    Raises BrokenStrategy for a file that holds no strategy, and for two files of the same name.
    """
    files: dict[str, StrategyFile] = {}
    for path in names(listed):
        if path.endswith(STRATEGY_SUFFIX):
            file = StrategyFile.read(Path(path))
            if file.name in (*files, ORACLE):
                raise BrokenStrategy(f"{path}: another strategy has the name {file.name!r}: give the file another name")
            files[file.name] = file
    return files


def budget_of(name: str, initial_size: int | None, batch_size: int | None, cycles: int | None) -> Budget:
    """The named budget, with each number that is not None replacing its own. Raises ValueError for an unknown name."""
    if name not in BUDGETS:
        raise ValueError(unknown_name("protocol", name, list(BUDGETS)))
    base = BUDGETS[name]
    return Budget(
        initial_size=base.initial_size if initial_size is None else initial_size,
        batch_size=base.batch_size if batch_size is None else batch_size,
        cycles=base.cycles if cycles is None else cycles,
        C=base.C,
    )


def heads_of(listed: str) -> list[HeadKind]:
    """The heads of a comma-separated list. Raises ValueError, listing the known ones, for an unknown name."""
    for name in names(listed) or [listed]:
        if name not in list(HeadKind):
            raise ValueError(unknown_name("head", name, list(HeadKind)))
    return [HeadKind(name) for name in names(listed)]


def sizes(option: str, listed: str) -> dict[str, int]:
    """Parse `6000` or `mnli=6000,qnli=4000` into sizes by dataset; key "" is for all other datasets. Raises ValueError.

    option: named in the error message.
    """
    try:
        return {name: int(size) for name, _, size in (pair.rpartition("=") for pair in names(listed))}
    except ValueError:
        raise ValueError(
            f"{option} takes a number, or dataset=number pairs such as mnli=6000,fnc1=4000; got {listed!r}"
        ) from None


def rates(listed: str) -> dict[str, float]:
    """Parse `spam=0.3,ham=0.1` into shares (0..1) by class. Raises ValueError."""
    rates = {}
    for pair in names(listed):
        name, equals, rate = pair.rpartition("=")
        try:
            rates[name] = float(rate)
        except ValueError:
            equals = ""
        if not equals:
            raise ValueError(f"--class-noise takes class=share pairs such as spam=0.3,ham=0.1; got {pair!r}")
    return rates


def read_label_config(path: Path | None, control: str | None, text_column: str) -> LabelConfig | None:
    """The label config in a file; a text column that was given is read instead of the texts that the config shows.

    Raises DataError for a file that cannot be read, and for a label config of which nothing can be learned.
    """
    if path is None:
        return None
    try:
        return parse(read_text(path), control, None if text_column == DEFAULT_TEXT else [text_column])
    except UnsupportedLabelConfig as problem:
        raise DataError(f"{path}: {with_options(str(problem))}") from None
