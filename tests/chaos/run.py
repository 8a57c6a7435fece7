"""Draws faults, lets people label meanwhile, and prints what was found afterwards."""

from __future__ import annotations

import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from live_loop import Person
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from chaos.checks import CHECKS, labels_in_label_studio, problems
from chaos.faults import Fault, Heal, faults
from chaos.installation import RETRAIN_EVERY, Installation, Plan, running
from chaos.people import Team
from ml_backend.labelstudio.client import LabelStudio
from ml_backend.store import Store

POSTGRES = "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"
GAP_SECONDS = (0.5, 6.0)
QUIET_SECONDS = 300.0
"""The longest time after the last fault until everything must be right; the regular comparison comes every minute."""
LOOK_EVERY = 0.2
COMPARE_EVERY = 1.0


@dataclass
class Outcome:
    """What happened. quiet: seconds from the last fault until nothing was wrong; wrong: by the names of the checks."""

    struck: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)
    labels: int = 0
    batches: int = 0
    quiet: float = 0.0
    wrong: dict[str, list[str]] = field(default_factory=dict)


class Storm:
    """Strikes faults one after another and heals each when its time has come."""

    def __init__(self, place: Installation, rng: random.Random) -> None:
        self._place, self._rng = place, rng
        self._faults = faults(place, rng)
        self._healing: list[tuple[float, Fault, Heal]] = []
        self.struck: Counter[str] = Counter()
        self._ended = 0

    def strike(self) -> str:
        """Wait a random time and strike a random fault that is not under way; returns its name."""
        self._wait(self._rng.uniform(*GAP_SECONDS))
        under_way = {_subject(fault) for _, fault, _ in self._healing}
        fault = self._rng.choice([fault for fault in self._faults if _subject(fault) not in under_way])
        heal = fault.strike()
        self._healing.append((time.monotonic() + self._rng.uniform(*fault.seconds), fault, heal))
        self.struck[fault.name] += 1
        return fault.name

    def heal_all(self) -> None:
        """Heal what has not been healed yet."""
        self._heal(lambda _due: True)

    def happened(self) -> Counter[str]:
        """How often each fault struck, and how often a process was started again that had ended by itself."""
        return self.struck + Counter({"ended and started again": self._ended})

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            self._heal(lambda due, now=now: due <= now)
            self._ended += restart_ended(self._place)
            time.sleep(LOOK_EVERY)

    def _heal(self, is_due: Callable[[float], bool]) -> None:
        due = [entry for entry in self._healing if is_due(entry[0])]
        self._healing = [entry for entry in self._healing if entry not in due]
        for _, _, heal in due:
            heal()


def _subject(fault: Fault) -> str:
    """What a fault is about: a killed worker cannot be frozen, and webhooks go wrong in one way at a time."""
    return fault.name.split()[0].rstrip(":")


def weather(
    plan: Plan, folder: Path, events: int, people: int, pause: float, seed: int, report: Callable[[str], None]
) -> Outcome:
    """Run everything once. people: for each project; pause: mean seconds between two actions of a person."""
    rng, outcome = random.Random(seed), Outcome()
    with running(plan, folder) as place, ExitStack() as stack:
        store = Store(place.database_url)
        stack.callback(store.close)
        storm, team = Storm(place, rng), Team(pause)
        for number, project_id in enumerate(place.project_ids):
            for client in _clients(place, people):
                stack.callback(client.close)
                team.add(client, project_id, seed + 100 * number)
        for _ in range(events):
            report(storm.strike())
        report("healing")
        storm.heal_all()
        team.stop()
        outcome.quiet, outcome.wrong = settle(place, store, report)
        if not outcome.wrong:
            report("labelling once more")
            outcome.wrong = go_on(place, store, report)
        outcome.struck, outcome.done, outcome.refused = storm.happened(), team.done, team.problems
        outcome.labels = labels_in_label_studio(place)
        outcome.batches = sum(batch.number for p in place.project_ids if (batch := store.current_batch(p)))
    return outcome


def restart_ended(place: Installation) -> int:
    """Start processes again that ended by themselves, as Compose and Kubernetes do; returns how many."""
    ended = [process for process in place.processes if process.has_ended]
    for process in ended:
        process.start()
    return len(ended)


def settle(place: Installation, store: Store, report: Callable[[str], None]) -> tuple[float, dict[str, list[str]]]:
    """Wait until nothing is wrong; returns the seconds that took, and what is wrong at the end of QUIET_SECONDS."""
    started = time.monotonic()
    while wrong := problems(place, store):
        report(f"wrong: {next(iter(wrong.values()))[0]}")
        if time.monotonic() - started > QUIET_SECONDS:
            break
        restart_ended(place)
        time.sleep(COMPARE_EVERY)
    return time.monotonic() - started, wrong


def go_on(place: Installation, store: Store, report: Callable[[str], None]) -> dict[str, list[str]]:
    """Label until the next batch is due in every project; returns what is wrong once it should be there."""
    before = {p: batch.number for p in place.project_ids if (batch := store.current_batch(p))}
    for project_id in place.project_ids:
        person = Person(place.client, project_id)
        for _ in range(RETRAIN_EVERY + 1):
            if (task := person.next_task()) is not None:
                person.annotate(task["id"], task["data"]["gold"])
    _, wrong = settle(place, store, report)
    after = {p: batch.number for p in place.project_ids if (batch := store.current_batch(p))}
    if unchanged := [p for p in place.project_ids if after.get(p, 0) <= before.get(p, 0)]:
        wrong["the next labels lead to the next batch"] = [f"projects {unchanged} have no newer one"]
    return wrong


def _clients(place: Installation, people: int) -> list[LabelStudio]:
    """People's own keys: any number in the fake, two in a real one."""
    if place.plan.real:
        return [LabelStudio(place.studio.url, key) for key in (place.studio.token, place.studio.second_token())]
    keys = [f"{number:040d}" for number in range(people)]
    known = {user.key for user in place.studio.server.tables.users.values()}
    for key in keys:
        if key not in known:
            place.studio.server.add_user(f"person{key[-3:]}@example.com", key)
    return [LabelStudio(place.studio.url, key) for key in keys]


def print_outcome(console: Console, outcome: Outcome) -> None:
    """Print what happened and what is wrong."""
    happened = Table("what happened", "times")
    for name, times in sorted((outcome.struck + outcome.done).items()):
        happened.add_row(name, str(times))
    happened.add_row("refused by Label Studio", str(len(outcome.refused)))
    happened.add_row("batches published", str(outcome.batches))
    happened.add_row("annotations in Label Studio", str(outcome.labels))
    happened.add_row("seconds until all was right", f"{outcome.quiet:.0f}")
    console.print(happened)
    checked = Table("afterwards", "result")
    for name in [*CHECKS, *(name for name in outcome.wrong if name not in CHECKS)]:
        checked.add_row(name, "; ".join(outcome.wrong.get(name, [])) or "yes")
    console.print(checked)


def main(
    events: Annotated[int, typer.Option(min=0, help="Number of faults.")] = 100,
    seed: Annotated[int | None, typer.Option(help="Of the faults and of the people; drawn if it is missing.")] = None,
    real: Annotated[bool, typer.Option(help="A real Label Studio instead of the fake.")] = False,
    postgres: Annotated[bool, typer.Option(help="PostgreSQL and a Redis of its own instead of SQLite.")] = False,
    server: Annotated[str, typer.Option(help="Address of the PostgreSQL server.")] = POSTGRES,
    workers: Annotated[int, typer.Option(min=1)] = 2,
    projects: Annotated[int, typer.Option(min=1)] = 2,
    tasks: Annotated[int, typer.Option(min=20, help="In each project.")] = 1200,
    people: Annotated[int, typer.Option(min=1, help="In each project; always two with --real.")] = 2,
    pause: Annotated[float, typer.Option(help="Mean seconds between two actions of a person.")] = 1.0,
    lease: Annotated[float, typer.Option(help="Seconds of a lease; the service's own is 30.")] = 6.0,
    keep: Annotated[Path | None, typer.Option(help="A folder for data and logs, which is kept.")] = None,
) -> None:
    """Let people label while parts of an installation fail; the exit status is 1 if anything is wrong afterwards."""
    console = Console()
    seed = random.SystemRandom().randrange(10_000) if seed is None else seed
    console.print(f"seed {seed}")
    plan = Plan(real, server if postgres else None, workers, projects, tasks, lease)
    with ExitStack() as stack:
        folder = keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        progress = stack.enter_context(Progress(console=console, disable=not console.is_terminal))
        bar = progress.add_task("starting", total=events)

        def report(what: str) -> None:
            if not console.is_terminal:
                console.print(f"{time.strftime('%H:%M:%S')} {what}")
            progress.update(bar, description=what[:60], advance=0 if what.startswith(("wrong", "heal", "label")) else 1)

        outcome = weather(plan, folder, events, people, pause, seed, report)
    print_outcome(console, outcome)
    raise typer.Exit(1 if outcome.wrong else 0)
