"""A report on several folders: one grid where they agree, further settings where they do not, errors for conflicts."""

from __future__ import annotations

import json
import os
import re

import numpy as np
import pandas as pd
import pytest
from synthetic_results import paper_like_gain, synthetic_quality, synthetic_results, write_results
from typer.testing import CliRunner

from simulator.analysis.result_folders import read_settings
from simulator.cli.app import app
from simulator.report import write_report
from simulator.report.analysis import Analysis
from simulator.report.other_settings import other_settings, settings_figures
from simulator.report.words_record import time_taken

DATASETS = ["banking77", "sst2", "trec6"]
EMBEDDINGS = ["minilm", "layer3", "tfidf"]
STRATEGIES = ["random", "margin", "badge", "entropy"]
QUALITY = synthetic_quality(DATASETS, EMBEDDINGS)


def grid(**changed):
    defaults = {"datasets": DATASETS, "embeddings": EMBEDDINGS, "strategies": STRATEGIES, "seeds": 3, "cycles": 3}
    return synthetic_results(**(defaults | {"gain": paper_like_gain} | changed))


def written(folder, results, quality=QUALITY, **record):
    """A folder of results with these keys of run.json in addition."""
    write_results(folder, results, quality)
    path = folder / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | record))
    return folder


def call(**names):
    """A call with this grid."""
    grid_of_call = {"datasets": DATASETS, "embeddings": EMBEDDINGS, "strategies": STRATEGIES, "seeds": [0, 1, 2]}
    return {"grid": grid_of_call | {"heads": ["plain"]} | names, "wall_seconds": 60.0, "started": "now"}


def test_starts_in_two_folders_are_one_grid_and_decide_the_findings(tmp_path):
    results = grid(initials=("random", "typiclust", "coreset"))
    few = (results["initial"] == "coreset") & (results["dataset"] != "trec6")
    whole = written(tmp_path / "whole", results[~few])
    parts = []
    for initial in ("random", "typiclust", "coreset"):
        datasets = ["trec6"] if initial == "coreset" else DATASETS
        of_start = results[(results["initial"] == initial) & ~few]
        calls = [call(initials=[initial], datasets=datasets)]
        parts.append(written(tmp_path / initial, of_start, calls=calls))
    page = write_report(parts, tmp_path / "page").read_text()
    assert "all 252 runs that the commands asked for are complete" in page
    assert "Wall time: 3.0 minutes in 3 calls" in page
    assert str(Analysis.of_folders(parts).findings) == str(Analysis.of_folders([whole]).findings)
    assert all(c.evidence for c in Analysis.of_folders(parts).findings[0].claims)
    assert (tmp_path / "page" / "tables" / "start.csv").exists()
    assert not (tmp_path / "random" / "report.html").exists()


def test_the_page_is_written_into_the_first_folder_by_default(tmp_path):
    one = written(tmp_path / "one", grid(initials=("random",)))
    two = written(tmp_path / "two", grid(initials=("typiclust",)))
    assert write_report([one, two]) == one / "report.html"


def test_only_what_a_command_asked_for_is_missing(tmp_path):
    results = grid(initials=("random",), strategies=["random", "margin"])
    stopped = results[~((results["seed"] == 2) & (results["strategy"] == "margin"))]
    folder = written(tmp_path / "stopped", stopped, calls=[call(initials=["random"], strategies=["random", "margin"])])
    more = written(
        tmp_path / "more",
        grid(initials=("random",), strategies=["badge"], datasets=["sst2"], seeds=1),
        calls=[call(initials=["random"], strategies=["badge"], datasets=["sst2"], seeds=[0])],
    )
    audit = Analysis.of_folders([folder, more]).audit
    assert set(audit.missing["strategy"]) == {"margin"}
    assert (len(audit.missing), audit.planned) == (9, 57)


def test_the_same_run_in_two_folders_counts_once_and_must_be_equal(tmp_path):
    results = grid(initials=("random",))
    one = written(tmp_path / "one", results)
    same = written(tmp_path / "same", results[results["seed"] < 2].assign(query_seconds=9.0, words=7.0))
    (setting,) = read_settings([one, same])
    assert len(setting.results) == len(results)
    assert setting.results["words"].notna().sum() == len(results) * 2 / 3, "the row with more columns is kept"
    changed = results.copy()
    changed.loc[5, "nll"] += 0.01
    other = written(tmp_path / "other", changed)
    with pytest.raises(ValueError, match=r"one and .*other hold different numbers for the same run \(dataset bank"):
        read_settings([one, other])
    shorter = written(tmp_path / "shorter", results[results["cycle"] < 3])
    with pytest.raises(ValueError, match=r"one and .*shorter hold different numbers of cycles for the same run"):
        read_settings([one, shorter])


@pytest.mark.parametrize(
    ("here", "there", "problem"),
    [
        (
            {"datasets": {"sst2": {"fingerprint": "a"}}},
            {"datasets": {"sst2": {"fingerprint": "b"}}},
            "other texts or labels of the dataset 'sst2'",
        ),
        (
            {"embedding_contents": {"own.npy": "a"}},
            {"embedding_contents": {"own.npy": "b"}},
            "the embedding 'own.npy' with other contents",
        ),
        (
            {"strategy_files": {"mine": "a"}},
            {"strategy_files": {"mine": "b"}},
            "the strategy 'mine' with other contents",
        ),
        (
            {"class_texts": {"sst2": {"pos": "good"}}},
            {"class_texts": {"sst2": {"pos": "fine"}}},
            "the classes of 'sst2' with other contents",
        ),
    ],
    ids=["fingerprint", "embedding", "strategy", "class texts"],
)
def test_the_same_name_with_other_contents_is_refused_with_both_folders(tmp_path, here, there, problem):
    one = written(tmp_path / "one", grid(initials=("random",)), **here)
    two = written(tmp_path / "two", grid(initials=("typiclust",)), **there)
    with pytest.raises(ValueError, match=rf"one and .*two hold {problem}: they cannot be in one report"):
        read_settings([one, two])


@pytest.mark.parametrize(
    "record",
    [
        {"protocol": {"initial_size": None, "batch_size": None, "cycles": 3, "C": 1.0}},
        {"changes": {"label_noise": 0.2, "seed": 0}},
        {"random_share": 0.1},
    ],
    ids=["protocol", "changes", "options"],
)
def test_folders_that_differ_in_how_they_were_run_are_not_mixed(tmp_path, record):
    small = written(tmp_path / "small", grid(initials=("typiclust",), seeds=1), **record)
    large = written(tmp_path / "large", grid(initials=("random",)))
    settings = read_settings([small, large])
    assert [setting.folders for setting in settings] == [[large], [small]], "the one with most runs is the main one"


def test_sizes_of_other_datasets_do_not_split_a_grid_and_those_of_shared_ones_do(tmp_path):
    def folder(name, datasets, sizes, fingerprints):
        changes = {"pool_size": sizes, "test_size": {}, "imbalance": 1.0, "label_noise": 0.0, "seed": 0}
        described = {d: {"fingerprint": f} for d, f in zip(datasets, fingerprints, strict=True)}
        return written(tmp_path / name, grid(datasets=datasets), changes=changes, datasets=described)

    sst2 = folder("sst2", ["sst2"], {}, "a")
    sized = folder("trec6", ["trec6"], {"trec6": 900}, "b")
    smaller = folder("smaller", ["sst2"], {"sst2": 500}, "c")
    assert [len(setting.folders) for setting in read_settings([sst2, sized, smaller])] == [2, 1]


def changes(**of_data):
    return {
        "pool_size": {},
        "test_size": {},
        "imbalance": 1.0,
        "label_noise": 0.0,
        "class_noise": {},
        "seed": 0,
    } | of_data


def test_what_noise_costs_each_strategy_is_measured_on_the_same_runs(tmp_path):
    clean = grid(initials=("random",), gain=lambda *_: 0.0)
    noisy = clean[(clean["seed"] < 2) & (clean["cycle"] < 3)].copy()
    noisy["accuracy"] -= np.where(noisy["strategy"] == "margin", 0.08, 0.03)
    folders = [
        written(tmp_path / "clean", clean, changes=changes()),
        written(tmp_path / "noisy", noisy, changes=changes(label_noise=0.2)),
        written(tmp_path / "few", noisy, changes=changes(label_noise=0.2), protocol={"batch_size": None, "cycles": 2}),
    ]
    page = write_report(folders, tmp_path).read_text()
    table = pd.read_csv(tmp_path / "tables" / "other_settings.csv")
    lost = table[table["setting"] == "label noise 0.2"].set_index("strategy")["lost"]
    assert lost.to_dict() == pytest.approx({"random": 0.03, "badge": 0.03, "entropy": 0.03, "margin": 0.08}, abs=1e-4)
    few = table[table["setting"].str.startswith("batch size one per class")]
    assert len(few) == 4
    assert few["lost"].isna().all(), "there are no runs of this protocol without noise"
    assert "Against the same runs without the change margin loses most (8.0 points)" in page
    assert (tmp_path / "figures" / "setting-2.png").exists()
    assert set(pd.read_csv(tmp_path / "tables" / "aulc.csv")["seeds"]) == {3}, "other settings are in no other table"


def test_a_last_batch_with_fewer_labels_is_not_compared_with_a_whole_one(tmp_path):
    """The pool of the uneven classes ends in the last cycle, in which nothing was learned."""
    uneven = grid().assign(accuracy=grid()["accuracy"] - 0.03)
    uneven.loc[uneven["cycle"] == 3, ["n_labeled", "accuracy"]] = 350, 0.1
    folders = [
        written(tmp_path / "clean", grid(), changes=changes()),
        written(tmp_path / "uneven", uneven, changes=changes(imbalance=10.0)),
    ]
    [setting] = other_settings(Analysis.of_folders(folders))
    assert setting.table["lost"].tolist() == pytest.approx([0.03] * 4)


def test_evaluations_of_another_setting_are_named_as_such(tmp_path):
    plain = written(tmp_path / "plain", grid(initials=("random",)))
    columns = {"accuracy_estimate": 0.5, "accuracy_low": 0.1, "accuracy_high": 0.9, "accuracy_open": 0.5}
    rest = {"audits": 20.0, "accuracy_basis": "audits", "forecast_labels": 50.0, "changed": 0.01, "stop": True}
    results = grid(initials=("random",), seeds=2).assign(**columns, **rest, evaluate_seconds=0.1)
    evaluated = written(tmp_path / "evaluated", results, evaluate=True, balance=4)
    page = write_report([plain, evaluated]).read_text()
    assert "of 288 looks" in page
    assert re.search(r"What it shows\.</b> These are runs of another setting: balance 4\.", page)


def test_an_evaluation_makes_no_other_setting_and_only_its_runs_are_judged(tmp_path):
    results = grid(initials=("random",))
    plain = written(tmp_path / "plain", results)
    few = results[results["seed"] == 0].assign(accuracy_estimate=0.5, evaluate_seconds=0.1)
    (setting,) = read_settings([plain, written(tmp_path / "evaluated", few, evaluate=True)])
    analysis = Analysis.of_setting(setting)
    assert len(analysis.results) == len(results)
    assert len(analysis.evaluated) == len(few)


def test_the_title_of_another_setting_is_not_cut(tmp_path):
    one = {"datasets": ["sst2"], "embeddings": ["minilm"], "initials": ("random",)}
    options = {"subpool": 20_000, "balance": 4, "random_share": 0.1}
    folders = [written(tmp_path / "a", grid(**one)), written(tmp_path / "b", grid(**one | {"seeds": 2}), **options)]
    figure = settings_figures(Analysis.of_folders(folders))["setting-1"]
    figure.canvas.draw()
    assert max(text.get_window_extent().x1 for text in figure.texts) <= figure.bbox.x1


def test_of_several_folders_the_one_without_a_complete_run_is_named(tmp_path):
    one = written(tmp_path / "one", grid())
    begun = grid(seeds=1, datasets=["sst2"])
    two = written(tmp_path / "two", begun[begun["cycle"] != 1], protocol={"initial_size": 50})
    with pytest.raises(ValueError, match=r"two: none of 24 runs is complete"):
        Analysis.of_folders([one, two])


def test_a_call_without_an_end_may_still_run():
    calls = [{"wall_seconds": 60.0, "started": "a", "finished": "b"}, {"wall_seconds": 30.0, "started": "c"}]
    taken = time_taken([{"calls": calls}], [grid(datasets=["sst2"])])
    assert taken.startswith("Wall time: 1.5 minutes in 2 calls, 1 of them stopped or still running.")


def test_a_read_only_folder_is_reported_as_it_is(tmp_path, monkeypatch):
    folder = written(tmp_path / "results", grid())
    (folder / "parts").mkdir()
    before = (folder / "results.parquet").read_bytes()
    monkeypatch.setattr("os.access", lambda path, mode: mode != os.W_OK)
    done = CliRunner().invoke(app, ["report", str(folder), "--out", str(tmp_path / "page")])
    assert done.exit_code == 0
    assert "is read-only: its results.parquet is used as it is" in " ".join(done.stderr.split())
    assert (tmp_path / "page" / "report.html").exists()
    assert (folder / "results.parquet").read_bytes() == before
