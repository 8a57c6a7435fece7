"""What goes wrong: each fault strikes at a random moment and is healed after a random time."""

from __future__ import annotations

import random
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any

import redis
from sqlalchemy import create_engine, text

from chaos.installation import Installation
from chaos.processes import BackendProcess
from chaos.webhook_gate import WebhookMode

CLOCK_SECONDS = 7200
"""Clocks are set by up to so many seconds, back or forward."""
Heal = Callable[[], None]


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    strike: breaks something and returns what heals it; seconds: shortest and longest time until then.
    """

    name: str
    strike: Callable[[], Heal]
    seconds: tuple[float, float] = (0.0, 0.0)


def faults(place: Installation, rng: random.Random) -> list[Fault]:
    """The faults that this installation can have."""
    lease = place.plan.lease_seconds
    possible = [
        Fault("server killed", lambda: _kill(place.server), (0.0, 3.0)),
        *(Fault(f"{w.name} killed", lambda w=w: _kill(w), (0.0, 3.0)) for w in place.workers),
        *(Fault(f"{w.name} frozen", lambda w=w: _freeze(w), (1.2 * lease, 1.8 * lease)) for w in place.workers),
        Fault("Label Studio unreachable", lambda: _close(place), (1.0, 8.0)),
        *(
            Fault(f"webhooks: {mode}", lambda mode=mode: _spoil(place, mode), (2.0, 8.0))
            for mode in (WebhookMode.DROP, WebhookMode.DOUBLE, WebhookMode.REORDER)
        ),
        Fault("queue emptied", lambda: _empty_queue(place)),
        Fault("clock set", lambda: _set_clock(place, rng), (3.0, 15.0)),
    ]
    if place.redis is not None:
        possible.append(Fault("Redis stopped", lambda: _stop_redis(place), (1.0, 6.0)))
        possible.append(Fault("Redis frozen", lambda: _freeze_redis(place), (1.0, 6.0)))
    if place.plan.postgres is None:
        possible.append(Fault("disk full", lambda: _fill_disk(place), (1.0, 6.0)))
    else:
        possible.append(Fault("connections cut", lambda: _cut_connections(place)))
    return possible


def _nothing() -> None:
    """There is nothing to heal."""


def _kill(process: BackendProcess) -> Heal:
    process.kill()
    return process.start


def _freeze(worker: BackendProcess) -> Heal:
    worker.signal(signal.SIGSTOP)
    return lambda: worker.signal(signal.SIGCONT)


def _close(place: Installation) -> Heal:
    place.network.open = False

    def reopen() -> None:
        place.network.open = True

    return reopen


def _spoil(place: Installation, mode: WebhookMode) -> Heal:
    place.webhooks.mode = mode
    return place.webhooks.mend


def _set_clock(place: Installation, rng: random.Random) -> Heal:
    process = rng.choice(place.processes)
    _set_wrong(process, rng.randint(-CLOCK_SECONDS, CLOCK_SECONDS))
    return lambda: _set_wrong(process, 0)


def _set_wrong(process: BackendProcess, seconds: int) -> None:
    # A new file takes the place of the old one, so that no process reads a file that is not written yet.
    new = process.clock.with_suffix(".new")
    new.write_text(str(seconds))
    new.replace(process.clock)


def _empty_queue(place: Installation) -> Heal:
    if place.redis is not None:
        with (
            suppress(redis.exceptions.RedisError),
            closing(redis.Redis.from_url(place.redis.url, socket_timeout=1)) as client,
        ):
            client.flushall()
        return _nothing
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(place.disk.folder / "queue.db")) as connection:
        for table in ("task", "schedule"):
            connection.execute(f"DELETE FROM {table}")
        connection.commit()
    return _nothing


def _stop_redis(place: Installation) -> Heal:
    server: Any = place.redis
    server.stop()
    return server.start


def _freeze_redis(place: Installation) -> Heal:
    server: Any = place.redis
    server.process.send_signal(signal.SIGSTOP)
    return lambda: server.process.send_signal(signal.SIGCONT)


def _fill_disk(place: Installation) -> Heal:
    place.disk.fill(place.processes)
    return lambda: place.disk.empty(place.processes)


def _cut_connections(place: Installation) -> Heal:
    engine = create_engine(place.database_url)
    with engine.begin() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    engine.dispose()
    return _nothing
