from __future__ import annotations

from ml_backend.store import Store
from ml_backend.store.candidates import MOST_CANDIDATES


def due(store: Store) -> list[int]:
    return [candidate.project_id for candidate in store.due_candidates(MOST_CANDIDATES + 1)]


def test_a_candidate_is_due_until_it_is_postponed_or_dropped(store: Store) -> None:
    assert store.add_candidate(3, "http://backend:9090")
    assert store.add_candidate(4)
    store.postpone_candidate(4, seconds=60.0)
    assert due(store) == [3]
    assert store.add_candidate(4)
    assert sorted(due(store)) == [3, 4]
    store.drop_candidate(3)
    assert [(c.project_id, c.tries, c.backend_url) for c in store.due_candidates(5)] == [(4, 1, None)]


def test_a_second_request_without_an_address_keeps_the_first_one(store: Store) -> None:
    store.add_candidate(3, "http://backend:9090")
    store.add_candidate(3)
    assert store.due_candidates(1)[0].backend_url == "http://backend:9090"


def test_invented_projects_cannot_fill_the_table(store: Store) -> None:
    assert all(store.add_candidate(n) for n in range(1, MOST_CANDIDATES + 1))
    assert not store.add_candidate(MOST_CANDIDATES + 1)
    assert store.add_candidate(7), "one that is stored already is heard again"
    assert len(due(store)) == MOST_CANDIDATES
