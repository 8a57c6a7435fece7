"""Words in texts are found by SQLite and PostgreSQL alike."""

from __future__ import annotations

import pytest

from ml_backend.store import Store
from ml_backend.store.records import TaskRecord

TEXTS = ["Ärger über 100% Rabatt", "ÄRGER ohne", "rabatt_code 100", "back\\slash 'quoted'", "C:\\temp", "rabattXcode"]


def put_texts(store: Store) -> None:
    store.ensure_project(7)
    store.ensure_project(8)
    texts = {f"h{n}": text for n, text in enumerate(TEXTS, start=1)}
    tasks = [TaskRecord(7, n, f"h{n}", None, "") for n in range(1, len(TEXTS) + 1)]
    store.upsert_tasks(7, [*tasks, TaskRecord(7, 99, "h1", "it is too long", "")], texts)
    store.upsert_tasks(8, [TaskRecord(8, 1, "h1", None, "")], texts)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["ärger"], [1, 2]),
        (["RABATT", "ärger"], [1]),
        (["100%"], [1]),
        (["rabatt_c"], [3]),
        (["k\\s"], [4]),
        (["'quoted'"], [4]),
        (["\\TEMP"], [5]),
        (["%"], [1]),
        (["'; DROP TABLE tasks; --"], []),
    ],
)
def test_words_are_found_as_they_are_typed_in_any_letter_case(store: Store, words: list[str], expected: list[int]):
    put_texts(store)
    assert store.tasks_with_words(7, words, 1, 1000) == expected
    assert store.tasks_with_words(7, words, 2, 4) == [task for task in expected if 2 <= task <= 4]


def test_postgresql_finds_letters_beyond_ascii_in_any_case_also_where_its_locale_knows_none(store_of_locale_c: Store):
    put_texts(store_of_locale_c)
    found = [store_of_locale_c.tasks_with_words(7, [word], 1, 1000) for word in ("ärger", "ÄRGER", "RABATT", "Über")]
    assert found == [[1, 2], [1, 2], [1, 3, 6], [1]]
