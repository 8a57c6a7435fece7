"""Messages of the task queue as JSON: data that is checked, so that nothing read from the queue runs as code.

Whoever can write to Redis or to the queue's file can send messages. A message that is no JSON, names no task of this
program or has other arguments is dropped, and the worker goes on with the next one.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from contextlib import nullcontext, suppress
from datetime import datetime
from typing import Any

from huey.api import Huey, PeriodicTask, Task
from huey.registry import Message
from huey.serializer import Serializer
from huey.utils import utcnow
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

LONGEST_ID = 100
LONGEST_NAME = 300
"""Characters of the name of an embedding model; the database stores none that is longer."""
LARGEST_PROJECT_ID = 2**63 - 1


class UnreadableMessage(ValueError):
    """A message that this program did not write."""


class JsonMessages(Serializer):  # type: ignore[misc]
    """Writes a message as a JSON object with its task, arguments, id, time and priority, and reads nothing else."""

    def _serialize(self, data: Message) -> bytes:
        message = {
            "task": data.name,
            "arguments": data.args,
            "id": data.id,
            "eta": None if data.eta is None else data.eta.isoformat(),
            "priority": data.priority,
        }
        return json.dumps(message).encode()

    def _deserialize(self, data: bytes) -> Message:
        """The message. Raises UnreadableMessage."""
        try:
            message = json.loads(data)
            name, arguments, number = message["task"], message["arguments"], message["id"]
            eta, priority = message["eta"], message["priority"]
            is_known = ARGUMENTS[name.rpartition(".")[2]](arguments)
            when = None if eta is None else datetime.fromisoformat(eta)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
            raise UnreadableMessage(type(problem).__name__) from None
        if not is_known or not isinstance(number, str) or len(number) > LONGEST_ID:
            raise UnreadableMessage("its arguments are not those of its task")
        if not (priority is None or type(priority) is int) or (when is not None and when.tzinfo is not None):
            raise UnreadableMessage("its time or its priority is none")
        return Message(id=number, name=name, eta=when, priority=priority, args=tuple(arguments), kwargs={})


class DataHuey(Huey):  # type: ignore[misc]
    """huey with messages in JSON, which drops those that it cannot read."""

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__(name, serializer=JsonMessages(), results=False, **options)

    def enqueue(self, task: Task) -> None:
        """Put a task into the queue. Raises RedisError or sqlite3.Error, but not for what is sent every minute anyway.

        Why Redis cannot be used is in the log already, as the threads that wait for messages report it.
        """
        with suppress(RedisError) if isinstance(task, PeriodicTask) else nullcontext():
            super().enqueue(task)

    def dequeue(self) -> Task | None:
        """The next task; None if none came in time, or for a message that was dropped."""
        data = self.storage.dequeue()
        return None if data is None else self._read(data)

    def read_schedule(self, timestamp: datetime | None = None) -> list[Task]:
        """The tasks that are due."""
        due = self.storage.read_schedule(timestamp or utcnow())
        return [task for data in due if (task := self._read(data)) is not None]

    def is_revoked(self, *_args: object, **_options: object) -> bool:
        """False, since no task is revoked here; huey would read that from the queue."""
        return False

    def _read(self, data: Any) -> Task | None:
        try:
            return self.deserialize_task(data)
        except Exception as problem:
            logger.warning("a message of the task queue was dropped, since this program did not write it: %s", problem)
            return None


def _is_project(arguments: Any) -> bool:
    return _is_list_of(arguments, 1) and type(arguments[0]) is int and 0 <= arguments[0] <= LARGEST_PROJECT_ID


def _is_model_and_texts(arguments: Any) -> bool:
    if not _is_list_of(arguments, 2):
        return False
    model, texts = arguments
    return (
        isinstance(model, str)
        and len(model) <= LONGEST_NAME
        and isinstance(texts, dict)
        and all(isinstance(text, str) for text in texts.values())
    )


def _is_empty(arguments: Any) -> bool:
    return _is_list_of(arguments, 0)


def _is_list_of(arguments: Any, count: int) -> bool:
    return isinstance(arguments, list) and len(arguments) == count


ARGUMENTS: dict[str, Callable[[Any], bool]] = {
    "run_project": _is_project,
    "embed_texts": _is_model_and_texts,
    "reconcile": _is_empty,
    "look_for_jobs": _is_empty,
}
"""Task → whether arguments are those of the task."""
