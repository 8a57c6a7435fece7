import numpy as np

from ml_backend.annotation import Annotation
from ml_backend.labelstudio.label_config import LabelConfig, parse
from ml_backend.learning import Head
from ml_backend.pipeline.agreement import agreement, stored_predictions
from ml_backend.pipeline.array_cache import ArrayCache
from ml_backend.pipeline.project_pool import project_pool
from ml_backend.pipeline.publish import predictions
from ml_backend.pipeline.select import propose
from ml_backend.project_settings import ProjectSettings
from ml_backend.store import Store
from ml_backend.store.learning_records import Agreement, BatchRecord
from ml_backend.store.records import TaskRecord
from ml_backend.store.states import BatchState


def config(choice: str = "single") -> LabelConfig:
    return parse(
        f'<View><Text name="t" value="$x"/><Choices name="c" toName="t" choice="{choice}">'
        '<Choice value="a"/><Choice value="b"/></Choices></View>'
    )


def put_tasks(store: Store, texts: dict[int, str | None], embed: bool = True) -> None:
    """Store tasks by id; None is a task with a problem. The hash of a text is the text itself."""
    store.upsert_tasks(
        1, [TaskRecord(1, i, t, None if t else "empty") for i, t in texts.items()], {t: t for t in texts.values() if t}
    )
    if embed:
        hashes = sorted({t for t in texts.values() if t})
        vectors = np.array([[len(t), ord(t[0])] for t in hashes], dtype=np.float32)
        store.put_embeddings("m", hashes, vectors)


def annotate(store: Store, labels: dict[int, list[str] | None]) -> None:
    """Annotate tasks with these classes; None skips a task."""
    by_task = {
        i: [Annotation(i, i, 1, chosen is None, [] if chosen is None else [result(chosen)], "")]
        for i, chosen in labels.items()
    }
    store.replace_annotations(1, by_task)


def result(chosen: list[str]) -> dict[str, object]:
    return {"from_name": "c", "to_name": "t", "type": "choices", "value": {"choices": chosen}}


def pool_of(store: Store, labels: dict[int, list[str] | None], choice: str = "single"):
    annotate(store, labels)
    tasks = ArrayCache(store).arrays(1, "m")
    return project_pool(tasks, tasks.labels(config(choice)))


def test_rows_are_tasks_by_id_with_the_vectors_of_their_texts(sqlite_store: Store):
    put_tasks(sqlite_store, {7: "bb", 3: "a", 9: None})
    pool = pool_of(sqlite_store, {3: ["b"]})
    assert pool.task_ids.tolist() == [3, 7, 9]
    assert pool.embeddings[:2].tolist() == [[1, ord("a")], [2, ord("b")]]
    assert pool.labels.tolist() == [1, -1, -1]
    assert pool.embedded.tolist() == [True, True, False]
    assert pool.fresh.tolist() == [False, True, False]


def test_one_task_per_unlabelled_text_is_offered(sqlite_store: Store):
    put_tasks(sqlite_store, {1: "a", 2: "b", 3: "b", 4: "a", 5: "c"})
    pool = pool_of(sqlite_store, {1: ["a"]})
    assert pool.task_ids[pool.fresh].tolist() == [2, 5]
    assert pool.task_ids[pool.copies].tolist() == [3, 4]


def test_a_label_counts_once_its_text_has_a_vector(sqlite_store: Store):
    put_tasks(sqlite_store, {1: "a", 2: "b"})
    put_tasks(sqlite_store, {3: "c", 4: "c"}, embed=False)
    pool = pool_of(sqlite_store, {1: ["a"], 3: ["b"]})
    assert pool.labels.tolist() == [0, -1, -1, -1]
    assert pool.labeled == 1
    assert pool.task_ids[pool.fresh].tolist() == [2]


def test_texts_of_annotated_and_of_the_oldest_tasks_are_embedded_in_equal_parts(sqlite_store: Store):
    put_tasks(sqlite_store, {i: f"text {i}" for i in range(1, 21)}, embed=False)
    annotate(sqlite_store, {i: ["a"] for i in range(11, 21)})
    next_texts = [text for _, text in sqlite_store.claim_texts(1, "m", "worker 1", 60.0, limit=6)]
    assert next_texts == [f"text {i}" for i in (11, 12, 13, 1, 2, 3)]
    assert len(sqlite_store.claim_texts(1, "m", "worker 2", 60.0, limit=100)) == 14


def test_skipped_tasks_are_never_offered_again(sqlite_store: Store):
    put_tasks(sqlite_store, {1: "a", 2: "b"})
    pool = pool_of(sqlite_store, {1: None})
    assert pool.task_ids[pool.fresh].tolist() == [2]
    assert not pool.copies.any()


def test_multi_label_rows_hold_zeros_and_ones_and_no_class_is_a_label_too(sqlite_store: Store):
    put_tasks(sqlite_store, {1: "a", 2: "b", 3: "c"})
    pool = pool_of(sqlite_store, {1: ["b"], 2: []}, choice="multiple")
    assert pool.labels.tolist() == [[0, 1], [0, 0], [-1, -1]]


def test_a_batch_holds_no_text_twice_and_fills_up_with_one_copy_of_a_labelled_text(sqlite_store: Store):
    put_tasks(sqlite_store, {1: "a", 2: "a", 3: "b", 4: "b", 5: "c", 6: "labelled", 7: "labelled", 8: "labelled"})
    pool = pool_of(sqlite_store, {6: ["a"]})
    settings = ProjectSettings(strategy="random", initial="random", batch_size=6)
    proposal = propose(settings, pool, 2, cycle=0, reserve=0)
    chosen = pool.task_ids[proposal.rows].tolist()
    assert sorted(chosen[:3]) == [1, 3, 5]
    assert chosen[3:] == [7]


def test_copies_fill_the_reserve_after_the_batch(sqlite_store: Store):
    put_tasks(sqlite_store, {1: "a", 2: "labelled", 3: "labelled", 4: "another", 5: "another"})
    pool = pool_of(sqlite_store, {2: ["a"], 4: ["a"]})
    proposal = propose(ProjectSettings(strategy="random", initial="random", batch_size=2), pool, 2, cycle=0, reserve=2)
    assert pool.task_ids[proposal.rows].tolist() == [1, 3]
    assert pool.task_ids[proposal.reserve_rows].tolist() == [5]


def test_texts_without_a_vector_are_a_random_end_of_the_reserve_while_others_are_embedded(sqlite_store: Store):
    put_tasks(sqlite_store, {1: "a", 2: "b", 3: "labelled", 4: "labelled"})
    put_tasks(sqlite_store, {i: f"text {i // 2}" for i in range(10, 50)} | {50: None}, embed=False)
    pool = pool_of(sqlite_store, {3: ["a"], 12: ["b"]})

    def chosen(cycle: int, reserve: int) -> tuple[list[int], list[int]]:
        settings = ProjectSettings(strategy="random", initial="random", batch_size=4)
        proposal = propose(settings, pool, 2, cycle, reserve)
        return pool.task_ids[proposal.rows].tolist(), pool.task_ids[proposal.reserve_rows].tolist()

    batch, reserve = chosen(0, reserve=100)
    assert (sorted(batch[:2]), batch[2:]) == ([1, 2], [4])
    # One of the two tasks of each text; task 12 has a label, so that the other task of its text is open.
    assert sorted(reserve) == [10, 13, *range(14, 50, 2)]
    assert reserve != sorted(reserve)
    assert chosen(0, reserve=100)[1] == reserve
    assert chosen(1, reserve=100)[1] != reserve
    assert len(chosen(0, reserve=6)[1]) == 7, "the place that the batch does not fill is added"


def test_nothing_is_predicted_for_a_text_without_a_vector_and_its_label_is_not_scored(sqlite_store: Store):
    put_tasks(sqlite_store, {1: "a", 2: "bb"})
    put_tasks(sqlite_store, {3: "later"}, embed=False)
    pool = pool_of(sqlite_store, {})
    head = Head().fit(pool.embeddings[:2], np.array([0, 1]), 2)
    shown = predictions(pool, np.arange(3), head.predict_proba(pool.embeddings), config())
    assert [[name for name, _ in likely] for likely in shown or []] == [["a"], ["b"], []]
    stored = stored_predictions(pool, np.arange(3), shown)
    assert stored == [["a"], ["b"], None]
    batch = BatchRecord(1, 1, "v", "", "", "h", [1, 2, 3], 2, BatchState.PUBLISHED, 0.0, 1.0, predicted=stored)
    first = {i: Annotation(i, i, 7, False, [], "", created_at=2.0) for i in (1, 2, 3)}
    labels = dict.fromkeys(first, ("a",))
    assert agreement(labels, first, [batch], ["a", "b"]) == Agreement(right=1, asked=2)


def test_each_cycle_draws_its_own_rows_and_always_the_same(sqlite_store: Store):
    put_tasks(sqlite_store, {i: f"text {i}" for i in range(1, 41)})
    pool = pool_of(sqlite_store, {})

    def rows(cycle: int, seed: int = 3, random_share: float = 0.0) -> tuple[int, ...]:
        settings = ProjectSettings(
            strategy="random", initial="random", batch_size=6, seed=seed, random_share=random_share
        )
        return tuple(propose(settings, pool, 2, cycle, reserve=0).rows.tolist())

    for share in (0.0, 1.0):
        draws = [rows(cycle, random_share=share) for cycle in range(5)]
        assert len(set(draws)) == 5
        assert draws == [rows(cycle, random_share=share) for cycle in range(5)]
        assert rows(0, seed=4, random_share=share) != draws[0]
