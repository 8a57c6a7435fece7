from __future__ import annotations

from ml_backend.store import Store
from ml_backend.store.candidates import MOST_CANDIDATES


def take_all(store: Store) -> list[int]:
    taken = []
    while (candidate := store.take_due_candidate()) is not None:
        taken.append(candidate.project_id)
    return taken


def test_a_candidate_is_due_until_it_is_postponed_or_dropped(store: Store) -> None:
    assert store.add_candidate(3, "http://backend:9090")
    assert store.add_candidate(4)
    store.postpone_candidate(4, seconds=60.0)
    assert take_all(store) == [3], "and the one who took it has it to himself"
    assert store.add_candidate(4)
    assert store.add_candidate(3)
    store.drop_candidate(3)
    taken = store.take_due_candidate()
    assert taken is not None
    assert (taken.project_id, taken.tries, taken.backend_url) == (4, 1, None)
    store.postpone_candidate(4, 0.0, counts=False)
    again = store.take_due_candidate()
    assert again is not None
    assert again.tries == 1, "a try in vain may not count"


def test_a_candidate_that_is_named_again_and_again_keeps_its_place(store: Store) -> None:
    for project_id in (3, 4, 3, 3):
        store.add_candidate(project_id)
    assert take_all(store) == [3, 4]


def test_a_second_request_without_an_address_keeps_the_first_one(store: Store) -> None:
    store.add_candidate(3, "http://backend:9090")
    store.add_candidate(3)
    candidate = store.candidate(3)
    assert candidate is not None
    assert candidate.backend_url == "http://backend:9090"


def test_invented_projects_cannot_fill_the_table(store: Store) -> None:
    assert all(store.add_candidate(n) for n in range(1, MOST_CANDIDATES + 1))
    assert not store.add_candidate(MOST_CANDIDATES + 1)
    assert store.add_candidate(7), "one that is stored already is heard again"
    assert len(take_all(store)) == MOST_CANDIDATES
