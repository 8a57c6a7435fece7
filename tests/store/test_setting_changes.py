from __future__ import annotations

from ml_backend.store import Store


def test_changes_of_settings_are_listed_newest_first(store: Store) -> None:
    store.add_setting_change(3, "anna@example.com", {"strategy": ["badge", "entropy"]})
    store.add_setting_change(3, "the key of the backend", {"batch_size": [20, 50]})
    store.add_setting_change(4, "anna@example.com", {"seed": [0, 1]})
    changes = store.setting_changes(3)
    assert [(c.who, c.changes) for c in changes] == [
        ("the key of the backend", {"batch_size": [20, 50]}),
        ("anna@example.com", {"strategy": ["badge", "entropy"]}),
    ]
    assert len(store.setting_changes(3, limit=1)) == 1
