"""What Label Studio serves, in order, is what the simulator picks."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import httpx
import pandas as pd
import pytest
from live_loop import Loop

from ml_backend.commands.demo.messages import messages
from ml_backend.learning.cycle import Cycle
from ml_backend.learning.embedding.embedder import load as load_embedder
from ml_backend.project_settings import ProjectSettings
from simulator.data.class_descriptions import read_descriptions, texts_of_classes
from simulator.data.datasets import Dataset, load
from simulator.data.embedded_dataset import EmbeddedDataset
from simulator.data.perturbations import Perturbations
from simulator.data.perturbed import perturbed
from simulator.experiment.budget import Budget
from simulator.experiment.simulate import SimulatedRun, simulate
from simulator.live.annotators import AnnotatorBehaviour
from simulator.live.replay import Session, find_backend, run_live

DATA = Path(os.environ.get("SIMULATOR_DATA", Path(__file__).parents[3] / "shared" / "data"))
BATCH, BATCHES, SEED = 12, 5, 3
TASKS, TEST = 300, 80
"""More tasks than the 256 that the first batch is chosen from, so that texts are embedded after it too."""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """trec6 if it is on this machine, else the demo's messages."""
    name, file = "trec6", DATA / "trec6.parquet"
    if not file.exists():
        name, file = "messages", tmp_path_factory.mktemp("data") / "messages.parquet"
        pd.DataFrame([asdict(message) for message in messages()]).to_parquet(file)
    return perturbed(load(name, file), Perturbations(pool_size={"": TASKS}, test_size={"": TEST}))


def config(classes: tuple[str, ...]) -> str:
    choices = "".join(f'<Choice value="{name}"/>' for name in classes)
    return (
        '<View><Text name="question" value="$text"/>'
        f'<Choices name="kind" toName="question" choice="single">{choices}</Choices></View>'
    )


def descriptions(dataset: Dataset) -> dict[str, str]:
    """A sentence for each class of trec6; none for the messages, whose classes have names."""
    return read_descriptions("builtin").of(dataset.name, dataset.classes, may_lack=False)[0]


@pytest.fixture(scope="module")
def embedded(dataset: Dataset) -> EmbeddedDataset:
    """The dataset with its vectors."""
    embedder = load_embedder("minilm")
    return EmbeddedDataset(
        X=embedder.encode(dataset.train.texts),
        y=dataset.train.y,
        offered=dataset.train.first_of_each_text(),
        X_test=embedder.encode(dataset.test.texts),
        y_test=dataset.test.y,
        n_classes=len(dataset.classes),
    )


def offline(dataset: Dataset, data: EmbeddedDataset, strategy: str, initial: str, knows_classes: bool) -> SimulatedRun:
    plan = Cycle(strategy, initial, BATCH, SEED, random_share=ProjectSettings().random_share)
    if not knows_classes:
        return simulate(data, plan, Budget(BATCH, BATCH, BATCHES - 1))
    texts = texts_of_classes(dataset.classes, descriptions(dataset), None).texts
    vectors = load_embedder("minilm").encode_class_texts(texts)
    return simulate(replace(data, class_vectors=vectors), plan, Budget(0, BATCH, BATCHES))


def served_accuracy(project: Loop, dataset: Dataset) -> float:
    """Share of the test texts for which /predict answers their class."""
    tasks = [{"id": i, "data": {"text": text}} for i, text in enumerate(dataset.test.texts)]
    body = {"tasks": tasks, "project": f"{project.project_id}.0"}
    results = httpx.post(f"{project.backend.url}/predict", json=body, timeout=100).raise_for_status().json()["results"]
    right = [
        result["result"][0]["value"]["choices"] == [dataset.classes[label]]
        for result, label in zip(results, dataset.test.y, strict=True)
    ]
    return sum(right) / len(right)


@pytest.mark.parametrize(
    ("strategy", "initial", "knows_classes"),
    [
        ("typiclust", "random", False),
        ("margin", "typiclust", True),
        ("badge", "random", True),
    ],
)
def test_tasks_come_live_in_the_order_that_the_simulator_picks(
    loop: Callable[..., Loop],
    dataset: Dataset,
    embedded: EmbeddedDataset,
    strategy: str,
    initial: str,
    knows_classes: bool,
):
    """With descriptions of the classes from before the first label on: the first batch and its predictions too."""
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
        **({"class_descriptions": json.dumps(descriptions(dataset))} if knows_classes else {"class_names": "off"}),
    )
    project.embedded()
    accuracy_without_labels = served_accuracy(project, dataset) if knows_classes else None
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
    simulated = offline(dataset, embedded, strategy, initial, knows_classes)
    assert (cell.strategy, cell.initial, cell.seed) == (strategy, initial, SEED)
    assert live.picks == simulated.picks
    accuracies = [[cycle["accuracy"] for cycle in run.cycles] for run in (live, simulated)]
    assert accuracies[0] == accuracies[1]
    if knows_classes:
        assert [cycle["n_labeled"] for cycle in live.cycles[:2]] == [0, BATCH]
        assert accuracy_without_labels == accuracies[0][0]
