"""Several threads write the same rows at the same moment, as the servers and workers on one database do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from ml_backend.store import Store, tables

PROJECT = 7
ROUNDS = 8
"""The first ones open the connections; later ones are closer together."""


@pytest.fixture(autouse=True)
def project(store: Store) -> None:
    store.ensure_project(PROJECT)


def together(*writers: Callable[[int], None]) -> None:
    """Let all of them write at once, ROUNDS times; what they raise is raised. They are called with the round."""
    start = threading.Barrier(len(writers))

    def write(writer: Callable[[int], None]) -> None:
        for number in range(ROUNDS):
            start.wait(60)
            writer(number)

    with ThreadPoolExecutor(len(writers)) as threads:
        for ended in [threads.submit(write, writer) for writer in writers]:
            ended.result()


def test_a_file_that_several_workers_write_is_that_of_one_of_them(store: Store):
    contents = [b"one" * 1000, b"two" * 2000, b"three" * 3000]

    def writer(content: bytes) -> Callable[[int], None]:
        def write(number: int) -> None:
            store.put_file(PROJECT, f"map {number}", content, {"size": len(content)})
            store.put_part(PROJECT, f"job {number}", 1, content)

        return write

    together(*(writer(content) for content in contents))
    for number in range(ROUNDS):
        file, content = store.kept_file(PROJECT, f"map {number}"), store.file_content(PROJECT, f"map {number}")
        assert content in contents
        assert file is not None
        assert (file.about, file.size) == ({"size": len(content)}, len(content))
        assert store.file_content(PROJECT, f"job {number}") in contents


def test_tasks_that_several_people_ask_for_have_one_place_each(store: Store):
    asked = [list(range(1, 21)), list(range(20, 0, -1)), list(range(5, 30))]

    def asker(tasks: list[int]) -> Callable[[int], None]:
        return lambda number: store.request_tasks(PROJECT, [100 * number + task for task in tasks], "Ann", "search")

    together(*(asker(tasks) for tasks in asked))
    order = list(store.requested_tasks(PROJECT))
    assert sorted(order) == [100 * number + task for number in range(ROUNDS) for task in range(1, 30)]
    for number in range(ROUNDS):
        own = [task - 100 * number for task in order if task // 100 == number]
        assert any(own[: len(tasks)] == tasks for tasks in asked), (
            "those who came first have the first places, in their order"
        )


def test_names_that_two_workers_read_in_another_order_are_kept(store: Store):
    names = {user: f"person {user}" for user in range(1, 60)}
    backwards = dict(reversed(names.items()))
    together(lambda _: store.put_people(names), lambda _: store.put_people(backwards))
    assert store.people() == names


def test_what_is_read_in_one_transaction_belongs_together(store: Store):
    count = select(func.count()).select_from(tables.kept_files)
    with store._database.reading() as connection:
        assert connection.execute(count).scalar_one() == 0
        store.put_file(PROJECT, "map", b"written meanwhile")
        assert connection.execute(count).scalar_one() == 0
    with store._database.reading() as connection:
        assert connection.execute(count).scalar_one() == 1
