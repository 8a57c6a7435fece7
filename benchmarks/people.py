"""Simulated people who label in Label Studio: get the next task, think, submit, and again.

They run in one event loop over kept connections, as browsers keep them, and take a few per cent of a core; `late` shows
whether the machine left them even that.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np

from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.labelstudio.predictions import annotation_result

ASK_AGAIN_SECONDS = 1.0
"""How long a person waits who was told that no task is left."""
LONGEST_REQUEST = 60.0
FAILED = 0
"""Status of a request that got no response."""


@dataclass(frozen=True)
class Person:
    """One person: the key, the project in which they label, and the seconds that they think about a text."""

    number: int
    key: str
    project_id: int
    least_seconds: float
    most_seconds: float


@dataclass(frozen=True)
class Answered:
    """A request of a person: when it was sent and answered (Unix time), the status, and the task, if any."""

    person: int
    project_id: int
    sent: float
    answered: float
    status: int
    task: int | None

    @property
    def seconds(self) -> float:
        """How long the person waited."""
        return self.answered - self.sent


@dataclass
class Labelling:
    """What people did: their requests for a next task, their submissions, and how late they woke up, in seconds."""

    next: list[Answered] = field(default_factory=list)
    submits: list[Answered] = field(default_factory=list)
    late: list[float] = field(default_factory=list)

    def __add__(self, other: Labelling) -> Labelling:
        return Labelling(self.next + other.next, self.submits + other.submits, self.late + other.late)

    @property
    def labels(self) -> list[Answered]:
        """The submissions that Label Studio took."""
        return [submit for submit in self.submits if submit.status == 201]


def label_for(
    people: Sequence[Person],
    url: str,
    seconds: float,
    gold: Mapping[int, str],
    config: LabelConfig,
    show: Callable[[Labelling], None],
    seed: int = 0,
) -> Labelling:
    """Let people label for as many seconds; each finishes the task that they have open.

    gold: task id → class; show: called twice a second with what happened so far.
    """
    done = Labelling()
    asyncio.run(_all(people, url, time.time() + seconds, gold, config, done, show, seed))
    return done


async def _all(
    people: Sequence[Person],
    url: str,
    until: float,
    gold: Mapping[int, str],
    config: LabelConfig,
    done: Labelling,
    show: Callable[[Labelling], None],
    seed: int,
) -> None:
    watching = asyncio.create_task(_show(done, show))
    await asyncio.gather(*(_label(person, url, until, gold, config, done, seed) for person in people))
    watching.cancel()


async def _show(done: Labelling, show: Callable[[Labelling], None]) -> None:
    while True:
        show(done)
        await asyncio.sleep(0.5)


async def _label(
    person: Person,
    url: str,
    until: float,
    gold: Mapping[int, str],
    config: LabelConfig,
    done: Labelling,
    seed: int,
) -> None:
    rng = np.random.default_rng([seed, person.number])
    headers = {"Authorization": f"Token {person.key}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=LONGEST_REQUEST) as browser:
        while time.time() < until:
            served = await _send(person, browser, "GET", f"/api/projects/{person.project_id}/next")
            done.next.append(served)
            if served.task is None:
                await asyncio.sleep(ASK_AGAIN_SECONDS)
                continue
            thought = rng.uniform(person.least_seconds, person.most_seconds)
            due = time.time() + thought
            await asyncio.sleep(thought)
            done.late.append(time.time() - due)
            body = {"result": annotation_result([gold[served.task]], config), "lead_time": thought}
            path = f"/api/tasks/{served.task}/annotations/"
            done.submits.append(await _send(person, browser, "POST", path, body, served.task))


async def _send(
    person: Person, browser: httpx.AsyncClient, method: str, path: str, body: Any = None, task: int | None = None
) -> Answered:
    sent = time.time()
    try:
        response = await browser.request(method, path, json=body)
        status = response.status_code
    except httpx.HTTPError:
        status = FAILED
    answered = time.time()
    if task is None and status == 200:
        task = int(response.json()["id"])
    return Answered(person.number, person.project_id, sent, answered, status, task)
