"""What the page says first: one combination that fits together, a line to paste, and no claim beyond the numbers."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace

import pandas as pd
import pytest
from synthetic_results import synthetic_quality, synthetic_results, write_results

from ml_backend.project_settings import ProjectSettings
from simulator.analysis.evidence import Evidence, across, extremes, points
from simulator.report import words, write_report
from simulator.report.analysis import Analysis
from simulator.report.words_choice import Advice, pool_warning

DATASETS = ["banking77", "sst2", "trec6"]
STRATEGIES = ["random", "margin", "badge", "entropy"]


def grid(**changed):
    defaults = {"datasets": DATASETS, "embeddings": ["minilm", "tfidf"], "strategies": STRATEGIES, "seeds": 4}
    return synthetic_results(**(defaults | {"cycles": 6} | changed))


def advice_of(results):
    return Advice.of(Analysis(results, None, {}))


def best_by_embedding(strategy, dataset, quality):
    """Badge is best with the better embedding, margin with the poorer one and on average."""
    return {"badge": 0.03 if quality == 1 else -0.2, "margin": 0.01 if quality == 1 else 0.1}.get(strategy, 0.0)


def test_the_strategy_is_that_of_the_recommended_embedding():
    results = grid(gain=best_by_embedding)
    assert results.groupby("strategy")["accuracy"].mean().idxmax() == "margin"
    choice = advice_of(results).choice
    assert (choice.embedding, choice.initial, choice.strategy) == ("minilm", "typiclust", "badge")


def test_the_line_to_paste_has_settings_that_a_project_takes():
    words_of_line = shlex.split(advice_of(grid(gain=best_by_embedding)).choice.command)
    assert words_of_line[:5] == ["python", "-m", "ml_backend", "connect", "PROJECT"]
    changes = dict(word.split("=", 1) for word in words_of_line[6::2])
    settings = ProjectSettings().merged(changes)
    assert (settings.strategy, settings.initial, settings.embedding_model) == ("badge", "typiclust", "minilm")


def test_an_embedding_that_no_live_project_can_use_is_not_recommended():
    results = grid(gain=best_by_embedding)
    swapped = results.assign(embedding=results["embedding"].map({"minilm": "tfidf", "tfidf": "minilm"}))
    advice = advice_of(swapped)
    assert advice.choice.embedding == "minilm"
    assert "tfidf cannot be used in a live project" in advice.choice.reasons[0].numbers


@pytest.mark.parametrize(
    ("name", "model"),
    [("mine", "/models/mine"), ("e5-base-v2", "e5-base-v2=/models/mine")],
    ids=["own", "copy of a registered model, with its prompt"],
)
def test_the_line_names_the_model_behind_an_embedding_that_has_a_name_of_its_own(name: str, model: str):
    results = grid(gain=best_by_embedding)
    named = results.assign(embedding=results["embedding"].replace("minilm", name))
    record = {"embedding_cards": {name: {"embedding": f"{name}=/models/mine"}}}
    choice = Advice.of(Analysis(named, None, record)).choice
    assert choice.embedding == name
    assert choice.command.endswith(f"--set embedding_model={model}")


def test_a_strategy_in_a_file_is_recommended_with_what_a_project_needs_to_use_it(tmp_path):
    results = grid(gain=lambda strategy, d, quality: 0.05 * (strategy == "badge"))
    folder = write_results(tmp_path, results)
    (folder / "run.json").write_text(json.dumps({"strategy_files": {"badge": "0" * 64}}))
    assert "a project can use it once it is installed as a package" in write_report([folder]).read_text()
    assert not Advice.of(Analysis(results, None, {"strategy_files": {"margin": "0" * 64}})).is_in_a_file


def test_a_clear_gain_is_sure_and_a_small_one_is_not(tmp_path):
    clear = advice_of(grid(gain=lambda strategy, d, quality: 0.05 * (strategy == "badge")))
    assert clear.is_sure
    assert re.match(r"badge is better than random order by \+\d\.\d points of mean accuracy \[\+", clear.sure)
    assert 0.1 < clear.saved_share < 0.9
    none = grid(gain=lambda *_: 0.0, noise=0.01)
    assert not advice_of(none).is_sure
    page = write_report([write_results(tmp_path, none)]).read_text()
    assert ">not sure</span>" in page
    assert ">better than random order</span>" not in page


@pytest.mark.parametrize(
    ("early", "late", "headline", "words_"),
    [
        ("badge", "badge", "badge, with few and with many labels", "With few labels badge"),
        (
            "badge",
            "margin",
            "badge with few labels, margin with many",
            "With many labels margin is significantly better",
        ),
    ],
)
def test_another_strategy_is_named_for_few_or_many_labels_only_if_it_is_better(early, late, headline, words_):
    results = grid(gain=lambda *_: 0.0, seeds=6)
    results.loc[(results["strategy"] == early) & (results["cycle"] <= 3), "accuracy"] += 0.08
    results.loc[(results["strategy"] == late) & (results["cycle"] > 3), "accuracy"] += 0.06
    reason = {one.about: one for one in advice_of(results).choice.reasons}["By budget"]
    assert reason.headline == headline
    assert words_ in reason.numbers


def test_a_better_mean_that_is_not_significant_changes_no_choice():
    results = grid(gain=lambda *_: 0.0, noise=0.02)
    choice = advice_of(results).choice
    reason = {one.about: one for one in choice.reasons}["By budget"]
    assert reason.headline == f"{choice.strategy}, with few and with many labels"


def test_values_that_look_the_same_are_not_called_most_and_least():
    phrases = {"first": "{name} most ({value})", "last": "{name} least ({value})", "same": "all {value}"}
    assert extremes(pd.Series({"a": 0.0142, "b": 0.0141}), points, **phrases) == "all +1.4 points"
    assert (
        extremes(pd.Series({"a": 0.02, "b": 0.01}), points, **phrases) == "a most (+2.0 points), b least (+1.0 points)"
    )
    assert across(pd.Series({"x": 0.0142, "y": 0.0141})) == "above 0 on 2 of 2 datasets, +1.4 points on each"
    assert across(pd.Series({"x": 0.02, "y": 0.01})).endswith("from +1.0 points (y) to +2.0 points (x)")
    same = Analysis(grid(gain=lambda strategy, d, quality: 0.02 * (strategy != "random"), noise=0.0), None, {})
    assert "all gain the same over random" in words.gain_seen(same)
    assert "least" not in words.gain_seen(same)


def test_a_pool_that_runs_out_is_named():
    results = grid(cycles=3)
    datasets = {name: {"different_texts": size} for name, size in zip(DATASETS, (420, 5000, 900), strict=True)}
    warning = pool_warning(datasets, results)
    assert "labelled on banking77 (95 %)." in warning
    assert "sst2" not in warning
    assert pool_warning({}, results) == ""


def test_what_is_not_saved_and_an_interval_that_disagrees_with_the_test_are_said_in_words():
    alike = advice_of(grid(datasets=["sst2"], initials=("random",), noise=0.0, gain=lambda *_: 0.0))
    advice = Advice(alike.analysis, replace(alike.choice, strategy="badge"))
    assert "badge needs as many labels (median of 1 setting" in advice.saved
    for p, is_said in ((0.016, True), (0.2, False)):
        vars(advice)["gain"] = Evidence("points", 0.017, -0.022, 0.055, "", p, "")
        assert advice.sure.endswith("the 95 % interval includes 0.") is is_said


def test_findings_of_the_paper_are_folded_on_own_data(tmp_path):
    own = grid(datasets=["mails", "sst2", "trec6", "agnews"], cycles=2)
    benchmark = grid(datasets=["banking77", "sst2", "trec6", "agnews"], cycles=2)
    folders = [write_results(tmp_path / name, table) for name, table in (("a", own), ("b", benchmark))]
    pages = [write_report([folder]).read_text() for folder in folders]
    assert ["<details><summary>The paper's findings" in page for page in pages] == [True, False]


def test_parts_of_the_page_are_in_the_order_of_a_users_questions(tmp_path):
    results = grid(cycles=2, initials=("random",))
    page = write_report(
        [write_results(tmp_path, results, synthetic_quality(DATASETS, ["minilm", "tfidf"]))]
    ).read_text()
    headings = re.findall(r'<h2 class="part" id="part-\w+">([^<]+)</h2>', page)
    assert headings == [
        "What to use",
        "Learning curves",
        "How sure this is",
        "What it costs",
        "Findings of the paper",
        "How it was measured",
    ]


def test_notes_on_datasets_and_cards_of_embeddings_are_columns(tmp_path):
    folder = write_results(tmp_path, grid(cycles=2), synthetic_quality(DATASETS, ["minilm", "tfidf"]))
    path = folder / "run.json"
    record = json.loads(path.read_text())
    record["datasets"] = {name: {"classes": 3, "different_texts": 5000, "test": 500} for name in DATASETS}
    record["datasets"]["sst2"]["note"] = "the validation split is the test split, since the labels of that are secret"
    record["embedding_cards"] = {
        "minilm": {"licence": "Apache-2.0", "trained_on": ["sst2", "qnli"], "dimensions": None}
    }
    path.write_text(json.dumps(record))
    page = write_report([folder]).read_text()
    assert "<th>how it differs from the published one</th>" in page
    assert '<td class="long">the validation split is the test split' in page
    assert "<th>trained on data of</th>" in page
    assert "<td>sst2, qnli</td>" in page
    assert "<td>not known</td>" in page
    assert set(pd.read_csv(tmp_path / "tables" / "embeddings.csv")["licence"].dropna()) == {"Apache-2.0"}
