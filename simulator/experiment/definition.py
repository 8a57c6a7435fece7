"""Definition of an experiment: datasets, embeddings, strategies, seeds, budget, and the folder of the results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ml_backend.learning import catalogue
from ml_backend.learning.embedding.names import own_name_and_embedding
from ml_backend.learning.strategy_file import StrategyFile
from simulator.data.cache_folder import default_cache
from simulator.data.class_descriptions import NO_DESCRIPTIONS, ClassDescriptions
from simulator.data.cleaning import Cleaning
from simulator.data.columns import Columns
from simulator.data.dataset_names import check_dataset, known_names
from simulator.data.embedding_names import check_names
from simulator.data.perturbations import Perturbations
from simulator.experiment.budget import Budget
from simulator.experiment.grid import ORACLE, Cell, HeadKind, cells
from simulator.experiment.strategy_options import StrategyOptions


@dataclass(frozen=True)
class Experiment:
    """An experiment, as given to `run`.

    data: a folder of files, a file, or None for the hub; embeddings: by name, `mpnet=/models/mpnet` gives one a name of
    its own; strategy_files: those of the strategies that are in a file of the user, by name; seeds: the runs have the
    seeds 0..seeds-1; out: folder of the results; heads: what the heads know; descriptions: what the head `named` knows
    of the classes besides their names; evaluate: whether the head of each cycle is also evaluated from its own labels,
    as in the live service; jobs: number of worker processes; scheduler: address of a Dask scheduler; cache: folder of
    the embeddings.
    """

    datasets: Sequence[str]
    embeddings: Sequence[str]
    strategies: Sequence[str]
    initials: Sequence[str]
    seeds: int
    out: Path
    strategy_files: Mapping[str, StrategyFile] = field(default_factory=dict)
    heads: Sequence[HeadKind] = (HeadKind.PLAIN,)
    descriptions: ClassDescriptions = NO_DESCRIPTIONS
    data: Path | None = None
    budget: Budget = field(default_factory=Budget)
    options: StrategyOptions = field(default_factory=StrategyOptions)
    columns: Columns = field(default_factory=Columns)
    cleaning: Cleaning = field(default_factory=Cleaning)
    perturbations: Perturbations = field(default_factory=Perturbations)
    evaluate: bool = False
    jobs: int = 1
    scheduler: str | None = None
    cache: Path = field(default_factory=default_cache)

    def cells(self) -> list[Cell]:
        """All cells of its grid, ordered by seed first."""
        embeddings = list(self.named_embeddings())
        return cells(self.datasets, embeddings, self.strategies, self.initials, range(self.seeds), self.heads)

    def named_embeddings(self) -> dict[str, str]:
        """The embeddings by the names that they have in the results."""
        return {own_name_and_embedding(name)[0]: name for name in self.embeddings}


def check_known(experiment: Experiment) -> None:
    """Check all that can be known before data is read.

    Raises ValueError, with the known names, for an unknown dataset, strategy, initial method or embedding; for a
    missing or unknown kind of file; for values out of range; for a size given for an unknown dataset; and for
    descriptions that do not name their dataset where there are several.
    """
    others = [ORACLE, *experiment.strategy_files]
    check_known_methods([name for name in experiment.strategies if name not in others], experiment.initials)
    check_names(experiment.embeddings)
    experiment.columns.check()
    experiment.perturbations.check()
    for name in experiment.datasets:
        check_dataset(name, experiment.data)
    experiment.descriptions.check(experiment.datasets)
    if experiment.perturbations.sized():
        # Sizes of datasets that this call does not use are allowed: they have to stay the same when datasets are added.
        experiment.perturbations.check_names(list(dict.fromkeys([*experiment.datasets, *known_names(experiment.data)])))


def check_known_methods(strategy_names: Sequence[str], initial_names: Sequence[str]) -> None:
    """Raise UnknownStrategy or UnknownInitial, listing the known names, for a name that is not known.

    Raises BrokenStrategy for a strategy of another package that cannot be used.
    """
    for name in strategy_names:
        catalogue.check_strategy(name)
        if name not in catalogue.builtin_names():
            # Only the strategies of other packages have to be loaded to know that they can be used.
            from ml_backend.learning import strategies

            strategies.get(name)
    for name in initial_names:
        catalogue.check_initial(name)
