"""What Label Studio serves, in order, is what the simulator picks."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import pytest
from live_loop import Loop

from ml_backend.commands.demo.messages import messages
from ml_backend.learning.cycle import Cycle
from ml_backend.learning.embedding.embedder import load as load_embedder
from simulator.data.datasets import Dataset, load
from simulator.data.embedded_dataset import EmbeddedDataset
from simulator.data.perturbations import Perturbations
from simulator.experiment.budget import Budget
from simulator.experiment.simulate import SimulatedRun, simulate
from simulator.live.annotators import AnnotatorBehaviour
from simulator.live.replay import Session, find_backend, run_live

DATA = Path(os.environ.get("SIMULATOR_DATA", Path(__file__).parents[3] / "shared" / "data"))
BATCH, BATCHES, SEED = 12, 6, 3
TASKS, TEST = 400, 100


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """trec6 if it is on this machine, else the demo's messages."""
    name, file = "trec6", DATA / "trec6.parquet"
    if not file.exists():
        name, file = "messages", tmp_path_factory.mktemp("data") / "messages.parquet"
        pd.DataFrame([asdict(message) for message in messages()]).to_parquet(file)
    return Perturbations(pool_size={"": TASKS}, test_size={"": TEST}).apply(load(name, file))


def config(classes: tuple[str, ...]) -> str:
    choices = "".join(f'<Choice value="{name}"/>' for name in classes)
    return (
        '<View><Text name="question" value="$text"/>'
        f'<Choices name="kind" toName="question" choice="single">{choices}</Choices></View>'
    )


def offline(dataset: Dataset, strategy: str, initial: str) -> SimulatedRun:
    embedder = load_embedder("minilm")
    data = EmbeddedDataset(
        X=embedder.encode(dataset.train.texts),
        y=dataset.train.y,
        offered=dataset.train.first_of_each_text(),
        X_test=embedder.encode(dataset.test.texts),
        y_test=dataset.test.y,
        n_classes=len(dataset.classes),
    )
    return simulate(data, Cycle(strategy, initial, BATCH, SEED), Budget(BATCH, BATCH, BATCHES - 1))


@pytest.mark.parametrize(
    ("strategy", "initial"),
    [("random", "random"), ("margin", "random"), ("badge", "typiclust"), ("typiclust", "random")],
)
def test_tasks_come_live_in_the_order_that_the_simulator_picks(
    loop: Callable[..., Loop], dataset: Dataset, strategy: str, initial: str
):
    tasks = [
        {"text": text, "gold": dataset.classes[label]}
        for text, label in zip(dataset.train.texts, dataset.train.y, strict=True)
    ]
    project = loop(
        tasks,
        config(dataset.classes),
        strategy=strategy,
        initial=initial,
        batch_size=BATCH,
        retrain_every=BATCH,
        seed=SEED,
    )
    project.embedded()
    session = Session(
        client=project.client,
        keys=[project.label_studio.token],
        backend=find_backend(project.client, project.project_id, project.auth),
        gold_field="gold",
        behaviour=AnnotatorBehaviour(),
        labels=BATCH * BATCHES,
        seed=0,
        wait=True,
        test=dataset.test,
        classes=dataset.classes,
    )
    cell, live = run_live(session, print)
    simulated = offline(dataset, strategy, initial)
    assert (cell.strategy, cell.initial, cell.seed) == (strategy, initial, SEED)
    assert live.picks == simulated.picks
    accuracies = [[cycle["accuracy"] for cycle in run.cycles] for run in (live, simulated)]
    assert accuracies[0] == accuracies[1]
