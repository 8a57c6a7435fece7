"""People who label what Label Studio serves, and now and then skip, change or delete."""

from __future__ import annotations

import random
import threading
from collections import Counter
from dataclasses import dataclass, field

from live_loop import CLASSES, Person

from ml_backend.labelstudio.client import LabelStudio, LabelStudioError

SKIPS, CHANGES, DELETIONS = 0.04, 0.05, 0.02
"""Shares of a person's actions; the others are labels."""


@dataclass
class Team:
    """Threads that label until `stop`. done: how often each action was done; problems: of Label Studio's answers."""

    pause: float
    done: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def add(self, client: LabelStudio, project_id: int, seed: int) -> None:
        """Let one more person label in the project."""
        member = _Member(Person(client, project_id), random.Random(seed))
        thread = threading.Thread(target=self._work, args=[member], daemon=True)
        thread.start()
        self._threads.append(thread)

    def stop(self) -> None:
        """Return once everybody has finished what they were doing."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _work(self, member: _Member) -> None:
        while not self._stopping.wait(member.rng.uniform(0.5, 1.5) * self.pause):
            try:
                self.done[member.act()] += 1
            except LabelStudioError as problem:
                self.problems.append(str(problem))


@dataclass
class _Member:
    person: Person
    rng: random.Random
    submitted: list[int] = field(default_factory=list)

    def act(self) -> str:
        """Do one thing; returns its name."""
        chance = self.rng.random()
        if self.submitted and chance < DELETIONS:
            self.person.delete(self.submitted.pop(self.rng.randrange(len(self.submitted))))
            return "deleted"
        if self.submitted and chance < DELETIONS + CHANGES:
            self.person.update(self.rng.choice(self.submitted), self.rng.choice(CLASSES))
            return "changed"
        task = self.person.next_task()
        if task is None:
            return "empty answers"
        if chance > 1 - SKIPS:
            self.person.skip(task["id"])
            return "skipped"
        self.submitted.append(self.person.annotate(task["id"], task["data"]["gold"]))
        return "labelled"
