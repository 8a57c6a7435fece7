"""The oracle and the head on all labels are drawn in every learning curve, and are compared with nothing."""

from __future__ import annotations

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from synthetic_results import synthetic_quality, synthetic_results, write_results

from simulator.report import write_report
from simulator.report.analysis import Analysis
from simulator.report.words_choice import Advice
from simulator.report.words_references import references_seen

GRID = {"datasets": ["sst2", "trec6"], "embeddings": ["minilm", "tfidf"], "strategies": ["random", "badge", "margin"]}
QUALITY = synthetic_quality(GRID["datasets"], GRID["embeddings"])
RECORD = {"strategies": ["random", "badge", "margin", "oracle"], "seeds": 3}


def badge_gains(strategy: str, dataset: int, quality: float) -> float:
    return 0.03 * (strategy == "badge")


def without_oracle() -> pd.DataFrame:
    return synthetic_results(**GRID, initials=("random",), seeds=3, cycles=3, gain=badge_gains)


def with_oracle(seeds: int = 3) -> pd.DataFrame:
    results = without_oracle()
    above_all = results[(results["strategy"] == "random") & (results["seed"] < seeds)]
    above_all = above_all.assign(strategy="oracle", accuracy=(above_all["accuracy"] + 0.2).clip(upper=1))
    return pd.concat([results, above_all], ignore_index=True)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    tables = {"without": without_oracle(), "with": with_oracle()}
    return {name: write_report([write_results(folder / name, table, QUALITY)]) for name, table in tables.items()}


def payload(page: Path, name: str) -> Any:
    packed = re.search(rf'id="{name}">([^<]+)<', page.read_text())
    assert packed is not None
    return json.loads(gzip.decompress(base64.b64decode(packed.group(1))))


def test_the_oracle_changes_no_table_but_that_of_the_curves(pages: dict[str, Path]):
    one, other = (sorted((page.parent / "tables").glob("*.csv")) for page in pages.values())
    assert [path.name for path in one] == [path.name for path in other]
    different = [a.name for a, b in zip(one, other, strict=True) if a.read_bytes() != b.read_bytes()]
    assert different == ["curves.csv"]
    curves = pd.read_csv(pages["with"].parent / "tables" / "curves.csv")
    assert set(curves["strategy"]) == {"random", "badge", "margin", "oracle"}
    assert payload(pages["with"], "areas-data") == payload(pages["without"], "areas-data")


def test_curves_have_both_references_with_their_numbers(pages: dict[str, Path]):
    data = payload(pages["with"], "curves-data")
    assert data["names"]["strategy"].count("oracle") == 0
    assert data["references"]["oracle"]["dash"] == "dash"
    results = with_oracle()
    of_oracle = results[(results["strategy"] == "oracle") & (results["dataset"] == "sst2")]
    means = of_oracle[of_oracle["embedding"] == "tfidf"].groupby("cycle")["accuracy"].mean()
    middle, _, _ = data["curves"]["sst2/tfidf/random/oracle"]["accuracy"]
    assert middle == pytest.approx(means * data["scale"], abs=0.51)
    gain, _, _ = data["curves"]["sst2/tfidf/random/oracle"]["gain"]
    assert gain == pytest.approx([0.2 * data["scale"]] * 4, abs=1)
    probe = QUALITY[(QUALITY["dataset"] == "trec6") & (QUALITY["embedding"] == "tfidf")]["probe_accuracy"].item()
    assert data["probes"]["trec6/tfidf"] == pytest.approx(probe * data["scale"], abs=0.51)
    picture = "figures/curves-sst2-random.png"
    assert (pages["with"].parent / picture).read_bytes() != (pages["without"].parent / picture).read_bytes()


def test_runs_of_the_oracle_alone_are_refused_with_what_to_do(tmp_path: Path):
    results = with_oracle()
    folder = write_results(tmp_path / "oracle", results[results["strategy"] == "oracle"], QUALITY)
    with pytest.raises(ValueError, match=r"all runs are of the oracle.*report both folders together"):
        Analysis.of_folders([folder])


def test_the_oracle_is_no_planned_strategy_and_is_never_recommended():
    analysis = Analysis(with_oracle(), QUALITY, RECORD)
    assert (analysis.audit.planned, analysis.audit.complete) == (36, 36)
    assert "oracle" not in f"{Advice.of(analysis)} {analysis.findings}"
    unfinished = with_oracle().query("strategy != 'oracle' or cycle < 3 or seed > 0")
    analysis = Analysis(unfinished, QUALITY, RECORD)
    assert sorted(analysis.oracle["seed"].unique()) == [1, 2], "an unfinished run of the oracle is not shown"
    assert len(analysis.audit.missing) == 0


def test_the_sentence_has_the_means_over_the_seeds_of_the_oracle():
    results = with_oracle(seeds=2)
    analysis = Analysis(results, QUALITY, RECORD)
    ends = results[(results["cycle"] == 3) & (results["seed"] < 2)]
    mean = ends.groupby("strategy")["accuracy"].mean() * 100
    text = references_seen(analysis)
    best = mean.drop("oracle").idxmax()
    assert f"4 settings of dataset, embedding and start: {best} {mean[best]:.1f} %" in text
    assert f"random {mean['random']:.1f} %" in text
    assert f"the oracle {mean['oracle']:.1f} %" in text
    assert f"a head on all labels {QUALITY['probe_accuracy'].mean() * 100:.1f} %" in text
    assert references_seen(Analysis(without_oracle(), None, {})) == ""
    assert "oracle" not in references_seen(Analysis(without_oracle(), QUALITY, {}))


def test_an_oracle_of_some_settings_leaves_the_means_over_all_settings():
    results = with_oracle()
    everywhere = references_seen(Analysis(without_oracle(), QUALITY, {}))
    of_oracle = results["strategy"] == "oracle"
    somewhere = results[~of_oracle | ((results["dataset"] == "sst2") & (results["embedding"] == "tfidf"))]
    text = references_seen(Analysis(somewhere, QUALITY, RECORD))
    assert text.startswith(everywhere.split(" Dotted")[0])
    ends = somewhere[(somewhere["dataset"] == "sst2") & (somewhere["embedding"] == "tfidf")]
    of_oracle_there = ends[(ends["strategy"] == "oracle") & (ends["cycle"] == ends["cycle"].max())]["accuracy"].mean()
    assert "Where the oracle was run, mean over 1 setting of dataset, embedding and start" in text
    assert f"the oracle {of_oracle_there * 100:.1f} %" in text
