"""Files and exports that datasets are read from, what is refused, and perturbations."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from small_texts import table

from simulator.data.cleaning import Cleaning
from simulator.data.columns import Columns
from simulator.data.data_error import DataError
from simulator.data.dataset_names import known_names
from simulator.data.datasets import held_out_rows, load
from simulator.data.hub import hub_table
from simulator.data.perturbations import Perturbations
from simulator.data.perturbed import perturbed
from simulator.data.registry import CARDS, DIFFERENCES, NOT_COMPARED, Card
from simulator.data.sources import read_file


def write_table(folder: Path, content: pd.DataFrame, name: str = "mine.csv") -> Path:
    path = folder / name
    if path.suffix == ".parquet":
        content.to_parquet(path)
    elif path.suffix == ".csv":
        content.to_csv(path, index=False)
    elif path.suffix == ".jsonl":
        content.to_json(path, orient="records", lines=True)
    else:
        content.to_json(path, orient="records")
    return path


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".jsonl", ".json"])
def test_every_kind_of_file_gives_the_same_dataset(tmp_path: Path, suffix: str):
    dataset = load("mine", write_table(tmp_path, table(60), f"mine{suffix}"))
    assert (dataset.classes, len(dataset.train), len(dataset.test)) == (("bill", "bug", "ship"), 45, 15)
    assert dataset.fingerprint() == load("mine", write_table(tmp_path, table(60), "mine.csv")).fingerprint()


def test_columns_have_the_names_that_the_user_gives(tmp_path: Path):
    renamed = table(40).rename(columns={"text": "body", "label": "kind", "split": "part"})
    path = write_table(tmp_path, renamed)
    dataset = load("mine", path, Columns(text="body", label="kind", split="part"))
    assert len(dataset.test) == 10
    with pytest.raises(DataError, match=r"no column 'text'; it has: body, kind, part.*--text-column"):
        load("mine", path)


def test_without_a_split_a_fifth_of_each_class_is_held_out_by_the_seed(tmp_path: Path):
    path = write_table(tmp_path, table(60, split=False))
    one, same, other = (load("mine", path, seed=s) for s in (0, 0, 1))
    assert np.bincount(one.test.y).tolist() == [4, 4, 4]
    assert one.test.texts == same.test.texts != other.test.texts


def test_pairs_are_joined_by_the_separator_that_is_passed(tmp_path: Path):
    pairs = table(20).assign(text_pair="so it is")
    train = load("mine", write_table(tmp_path, pairs)).train
    assert train.joined(" [SEP] ")[0] == f"{train.texts[0]} [SEP] so it is"


def test_a_label_studio_export_gives_the_majority_label_of_its_annotators(tmp_path: Path):
    def answer(choice: str, by: int, cancelled: bool = False) -> dict:
        result = [{"from_name": "topic", "type": "choices", "value": {"choices": [choice]}}]
        return {"id": by, "completed_by": by, "result": result, "was_cancelled": cancelled, "updated_at": "2026"}

    tasks = [
        {"id": i, "data": {"text": f"text {i}", "other": i}, "annotations": [answer("ab"[i % 2], 1)]} for i in range(20)
    ]
    tasks[0]["annotations"] = [answer("b", 1), answer("b", 2), answer("a", 3)]
    tasks[1]["annotations"] = [answer("b", 1, cancelled=True)]
    path = tmp_path / "export.json"
    path.write_text(json.dumps(tasks))
    dataset = load("export", path)
    labels = dict(zip(dataset.train.texts + dataset.test.texts, [*dataset.train.y, *dataset.test.y], strict=True))
    assert (len(labels), labels["text 0"], labels["text 2"]) == (19, 1, 0)
    with pytest.raises(
        DataError, match=r"export.json: no annotation answers a control 'tone'; the controls are 'topic'"
    ):
        load("export", path, Columns(control="tone"))
    with pytest.raises(DataError, match="has no field 'body'; it has: text, other"):
        load("export", path, Columns(text="body"))


def test_the_card_of_a_hub_dataset_names_its_columns():
    rows = pd.DataFrame({"title": ["a", "b"], "content": ["c", "d"], "more": ["e", "f"], "label": [1, 0]})
    part = SimpleNamespace(features={"label": SimpleNamespace(names=["no", "yes"])}, to_pandas=lambda: rows)
    content = hub_table(part, Card("a task", "somebody/data", 2, text=("title", "content"), pair="more"))
    assert content.to_dict("list") == {"text": ["a\nc", "b\nd"], "label": ["yes", "no"], "text_pair": ["e", "f"]}
    with pytest.raises(DataError, match="somebody/data has no column 'stance'; it has: title"):
        hub_table(part, Card("a task", "somebody/data", 2, text=("title",), label="stance"))


def test_the_registry_has_the_ten_datasets_of_the_benchmark():
    assert len(CARDS) == 10
    assert set(CARDS) - set(known_names(None)) == {"wikitalk"}, "the hub has no copy of it"


def with_cell(content: pd.DataFrame, column: str, row: int, value: object) -> pd.DataFrame:
    changed = content.astype(object)
    changed.loc[row, column] = value
    return changed


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (table(40).drop(columns="label"), r"no column 'label'; it has: text, split.*--label-column"),
        (table(40).assign(label="bill"), r"one class only \(bill\)"),
        (with_cell(table(40), "label", 3, "once"), r"label 'once' has a single example.*--drop-rare 2"),
        (with_cell(table(40), "text", 5, "  "), r"1 row without a text, the first is row 6; .*--drop-empty"),
        (with_cell(table(40), "text", 5, None), r"1 row without a text, the first is row 6"),
        (with_cell(table(40), "label", 6, None), r"1 row without a label, the first is row 7; label or remove them"),
        (with_cell(table(40), "label", 6, " "), r"1 row without a label, the first is row 7; label or remove them"),
        (table(40).assign(split="dev"), r"split of row 1 must be 'train' or 'test', not 'dev'"),
        (table(40).assign(split="train"), r"no rows of the split 'test'; correct the split column"),
        (table(40)[:0], r"no rows"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
def test_a_table_that_cannot_be_used_is_refused_with_the_reason(tmp_path: Path, content: pd.DataFrame, reason: str):
    with pytest.raises(DataError, match=reason):
        load("mine", write_table(tmp_path, content, "mine.parquet"))


def test_copies_of_a_text_are_held_out_together(tmp_path: Path):
    copied = pd.concat([table(60, split=False)] * 3, ignore_index=True)
    dataset = load("mine", write_table(tmp_path, copied))
    assert not set(dataset.train.texts) & set(dataset.test.texts)
    assert np.bincount(dataset.test.y).tolist() == [12, 12, 12]
    assert np.flatnonzero(dataset.train.first_of_each_text()).tolist() == list(range(48))
    pairs = copied.assign(text="the same", text_pair=copied.text)
    assert load("mine", write_table(tmp_path, pairs)).test.pairs == dataset.test.texts


def test_groups_of_one_row_are_held_out_like_single_rows():
    y = np.arange(50) % 3
    without_groups = held_out_rows(y, seed=4)
    assert (held_out_rows(y, seed=4, groups=np.arange(50)) == without_groups).all()
    assert np.flatnonzero(without_groups).tolist() == [0, 3, 4, 7, 10, 14, 24, 29, 32]


def test_a_blank_label_of_a_csv_is_no_class(tmp_path: Path):
    with pytest.raises(DataError, match="1 row without a label, the first is line 8"):
        load("mine", write_table(tmp_path, with_cell(table(40), "label", 6, "")))


def test_two_files_of_one_name_are_refused(tmp_path: Path):
    for name in ("mine.csv", "mine.parquet", "other.csv"):
        write_table(tmp_path, table(40), name)
    both = r"'mine' is in 2 files, .*mine.csv and .*mine.parquet.*rename"
    with pytest.raises(DataError, match=both):
        known_names(tmp_path)
    with pytest.raises(DataError, match=both):
        load("mine", tmp_path)
    assert load("other", tmp_path).name == "other"


def test_only_files_of_people_are_datasets_of_a_folder(tmp_path: Path):
    with pytest.raises(DataError, match=r"has no file that can be read: \.parquet, \.csv"):
        known_names(tmp_path)
    write_table(tmp_path, table(60))
    for name in ("~$mine.xlsx", "._mine.csv", "notes.txt"):
        (tmp_path / name).write_text("x")
    assert known_names(tmp_path) == ["mine"]


def test_a_path_that_cannot_be_followed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    unusable = tmp_path / f"{'a' * 300}.csv"
    for read in (known_names, lambda path: load(path.stem, path)):
        with pytest.raises(DataError, match=r"aaa\.csv cannot be opened: File name too long"):
            read(unusable)

    def refused(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refused)
    with pytest.raises(DataError, match=f"{tmp_path} cannot be opened: Permission denied"):
        known_names(tmp_path)


def test_a_name_without_ending_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match=r"mine: the name of a file with data needs an ending; known: \.parquet"):
        read_file(tmp_path / "mine", Columns())


def test_a_label_that_only_the_test_split_has_is_refused(tmp_path: Path):
    content = table(40)
    content.loc[content.split == "test", "label"] = "new"
    with pytest.raises(DataError, match="'new' occurs in the test split only"):
        load("mine", write_table(tmp_path, content))


def test_rare_labels_and_empty_texts_are_left_out_on_request(tmp_path: Path):
    content = with_cell(with_cell(table(40), "label", 3, "once"), "text", 5, "")
    dataset = load("mine", write_table(tmp_path, content), cleaning=Cleaning(drop_empty=True, drop_rare=2))
    assert (len(dataset.train) + len(dataset.test), len(dataset.classes)) == (38, 3)


@pytest.mark.parametrize("column", ["text", "text_pair"])
@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
def test_texts_that_the_service_cannot_read_are_left_out_on_request_and_counted(
    tmp_path: Path, column: str, suffix: str
):
    content = table(40).assign(text_pair="and more")
    for row in (4, 7):
        content = with_cell(content, column, row, "x" * 100_001)
    path = write_table(tmp_path, content, f"mine{suffix}")
    with pytest.raises(DataError, match=r"(row|line) 5 cannot be used: .*or leave out such rows with --drop-long"):
        load("mine", path)
    dataset = load("mine", path, cleaning=Cleaning(drop_long=True))
    assert len(dataset.train) + len(dataset.test) == 38
    [note] = dataset.notes
    assert re.fullmatch(
        r"left out: 2 rows with a text of more than 100,000 characters \(the first: (row|line) 5\)", note
    )
    kept = content.drop(index=[4, 7])
    assert dataset.train.texts == kept[kept.split == "train"]["text"].tolist()


def test_a_file_says_how_it_differs_from_the_published_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert load("mine", write_table(tmp_path, table(40))).note == ""
    benchmark = write_table(tmp_path, table(40), "trec6.csv")
    unknown = load("trec6", benchmark)
    assert unknown.note == NOT_COMPARED
    monkeypatch.setitem(DIFFERENCES, unknown.fingerprint(), "A tenth of it.")
    assert load("trec6", benchmark).note == "A tenth of it."
    assert perturbed(load("trec6", benchmark), Perturbations({"": 12})).note == "A tenth of it."


def test_a_broken_file_and_an_unknown_name_are_named(tmp_path: Path):
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and then nothing")
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(DataError, match=r"broken.parquet cannot be read as Parquet: .*may be incomplete"):
        load("broken", tmp_path / "broken.parquet")
    with pytest.raises(DataError, match=r"unknown dataset 'trec'; known: broken. They are the files of the folder"):
        load("trec", tmp_path)
    with pytest.raises(DataError, match=r"unknown dataset 'agnews' \(the registry knows it"):
        load("agnews", tmp_path)
    with pytest.raises(DataError, match=r"unknown dataset 'imdb'; known: agnews, banking77"):
        load("imdb", None)
    with pytest.raises(DataError, match=r"unknown kind of file '.txt'; known: .parquet"):
        load("notes", tmp_path / "notes.txt")
    with pytest.raises(DataError, match="no such file or folder"):
        load("mine", tmp_path / "mine.csv")


def test_without_the_hub_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DataError, match=r"pip install .*\[hub\].*folder that holds agnews.parquet"):
        load("agnews", None)


@pytest.fixture
def dataset(tmp_path: Path):
    return load("mine", write_table(tmp_path, table(1200)))


def test_label_noise_changes_its_share_of_the_pool_and_no_label_of_the_test_split(dataset):
    noisy = perturbed(dataset, Perturbations(label_noise=0.3))
    wrong = noisy.train.y != dataset.train.y
    assert wrong.mean() == pytest.approx(0.3, abs=0.04)
    assert np.bincount(noisy.train.y[wrong], minlength=3).min() > 50, "wrong labels must be of every other class"
    assert (noisy.test.y == dataset.test.y).all()
    by_class = perturbed(dataset, Perturbations(label_noise=0.0, class_noise={"bug": 0.5}))
    wrong = by_class.train.y != dataset.train.y
    assert {dataset.classes[c] for c in dataset.train.y[wrong]} == {"bug"}


def test_imbalance_has_its_ratio_and_subsamples_have_their_size(dataset):
    tail = perturbed(dataset, Perturbations(imbalance=10))
    counts = np.sort(np.bincount(tail.train.y))
    assert counts.tolist() == [30, 95, 300]
    small = perturbed(dataset, Perturbations(pool_size={"": 100}, test_size={"mine": 50, "": 3}))
    assert (len(small.train), len(small.test)) == (100, 50)


def test_imbalance_keeps_larger_classes_larger_and_as_many_texts_as_it_can(dataset):
    rows = [np.flatnonzero(dataset.train.y == c)[:size] for c, size in enumerate((60, 300, 20))]
    unequal = replace(dataset, train=dataset.train.at(np.concatenate(rows)))
    tail = perturbed(unequal, Perturbations(imbalance=10))
    assert np.bincount(tail.train.y).tolist() == [60, 190, 19]


def test_perturbations_are_the_same_for_the_same_seed_only(dataset):
    def changed(seed: int) -> str:
        changes = Perturbations(pool_size={"": 300}, imbalance=3, label_noise=0.1, seed=seed)
        return perturbed(dataset, changes).fingerprint()

    assert changed(0) == changed(0) != changed(1)


def test_perturbations_that_leave_the_pool_without_a_class_are_refused(dataset):
    with pytest.raises(DataError, match=r"occurs in the test split only.*change less \(--pool-size.*--data-seed"):
        perturbed(dataset, Perturbations(pool_size={"": 2}))
    with pytest.raises(DataError, match=r"the pool has one class only \(bug\); change less"):
        perturbed(
            replace(dataset, test=dataset.test.at(np.flatnonzero(dataset.test.y == 1))),
            Perturbations(pool_size={"": 1}),
        )


def test_a_class_that_is_left_in_neither_split_is_accepted(dataset):
    rare = np.flatnonzero(dataset.test.y > 0)
    changed = perturbed(replace(dataset, test=dataset.test.at(rare)), Perturbations(class_noise={"bill": 1.0}))
    assert set(changed.train.y) == {1, 2}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (Perturbations(label_noise=1.5), "a share from 0 to 1, got 1.5"),
        (Perturbations(class_noise={"spam": 0.1}), "no class 'spam'; it has: bill, bug, ship"),
        (Perturbations(imbalance=0.5), "1 or more, got 0.5"),
        (Perturbations(pool_size={"": 0}), "must be 1 or more, got 0"),
    ],
)
def test_perturbations_out_of_range_are_refused(dataset, changes: Perturbations, reason: str):
    with pytest.raises(DataError, match=reason):
        perturbed(dataset, changes)
