"""A grid of runs: the same on any number of processes, resumed after a kill, and one failure stops no other run."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pandas as pd
import pytest
from quiet_progress import Quiet
from small_experiments import small_experiment
from small_texts import Arrays, hashed, table
from typer.testing import CliRunner

from ml_backend.learning import strategies
from ml_backend.learning.embedding.embedder import ModelNotAvailable
from ml_backend.learning.strategies import margin
from simulator.analysis.planned_runs import planned_runs
from simulator.cli.app import app
from simulator.data import vector_cache
from simulator.data.atomic_files import CannotSave
from simulator.data.data_error import DataError
from simulator.data.perturbations import Perturbations
from simulator.experiment import call_record, results, runner
from simulator.experiment.budget import Budget
from simulator.experiment.definition import Experiment
from simulator.experiment.execution import run_cell
from simulator.experiment.grid import Cell, cells
from simulator.experiment.manifest import AnotherExperiment
from simulator.experiment.results import Results, same_results
from simulator.experiment.runner import run
from simulator.experiment.simulate import SimulatedRun
from simulator.experiment.strategy_options import StrategyOptions

KILLED_RUNS = Path(__file__).parent / "killed_runs.py"


@pytest.fixture
def experiment(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Experiment:
    monkeypatch.setattr(vector_cache, "embed", hashed)
    return small_experiment(data, tmp_path, datasets=["mail", "chat"])


def umask() -> int:
    """The permissions that new files of this process do not get."""
    before = os.umask(0o022)
    os.umask(before)
    return before


def simulated(experiment: Experiment) -> pd.DataFrame:
    outcome = run(experiment, Quiet())
    assert not outcome.failed
    return pd.read_parquet(experiment.out / "results.parquet")


def test_results_have_one_row_per_cycle_and_quality_one_row_per_embedding(experiment: Experiment):
    table = simulated(experiment)
    assert list(table.columns) == results.COLUMNS
    assert len(table) == 2 * 2 * 2 * 4
    assert not table.duplicated(results.KEYS).any()
    assert table.accuracy.between(0, 1).all()
    quality = pd.read_parquet(experiment.out / "embedding_quality.parquet")
    assert quality[["dataset", "embedding"]].values.tolist() == [["chat", "minilm"], ["mail", "minilm"]]
    record = json.loads((experiment.out / "run.json").read_text())
    modes = {path.stat().st_mode & 0o777 for path in experiment.out.rglob("*") if path.is_file()}
    assert modes == {0o666 & ~umask()}, "others who share the folder must be able to read the results"
    assert record["protocol"]["batch_size"] == 10
    assert record["datasets"]["mail"]["pool"] == 180


def test_two_processes_give_the_results_of_one(experiment: Experiment, tmp_path: Path):
    first = simulated(experiment)
    second = simulated(replace(experiment, jobs=2, out=tmp_path / "two"))
    assert same_results(first, second)
    second.loc[5, "nll"] += 1e-12
    assert not same_results(first, second)


def test_saved_runs_are_not_repeated_and_a_larger_grid_adds_to_them(experiment: Experiment):
    small = replace(experiment, datasets=["mail"], seeds=1)
    table = simulated(small)
    part = Results(experiment.out).parts / Cell("mail", "minilm", "random", "margin", 0).part()
    before = part.stat().st_mtime_ns
    outcome = run(experiment, Quiet())
    assert (outcome.saved_before, outcome.finished) == (2, 6)
    assert part.stat().st_mtime_ns == before
    merged = pd.read_parquet(experiment.out / "results.parquet")
    assert table.merge(merged, how="inner").equals(table), "the seconds of runs that were saved before are kept too"


def test_all_runs_of_a_seed_come_before_the_next_seed():
    order = cells(["a", "b"], ["e"], ["s", "t"], ["i"], range(2))
    assert [c.seed for c in order] == [0] * 4 + [1] * 4


def test_another_budget_or_other_texts_need_another_folder(experiment: Experiment, data: Path):
    small = replace(experiment, datasets=["mail"], seeds=1)
    simulated(small)
    with pytest.raises(AnotherExperiment, match=r"protocol .*another --out"):
        run(replace(small, budget=Budget(10, 20, 3)), Quiet())
    table(240, seed=9).to_parquet(data / "mail.parquet")
    with pytest.raises(AnotherExperiment, match="other texts or labels of 'mail'"):
        run(small, Quiet())


@pytest.mark.parametrize("option", ["subpool", "balance"])
def test_options_of_strategies_are_recorded_and_other_options_need_another_folder(experiment: Experiment, option: str):
    small = replace(experiment, datasets=["mail"], strategies=["margin"], seeds=1)
    cell = Cell("mail", "minilm", "random", "margin", 0)
    simulated(small)
    assert not {"subpool", "balance"} & json.loads((small.out / "run.json").read_text()).keys()
    with pytest.raises(AnotherExperiment, match=rf"with {option} off, and this command has 12: use another --out"):
        run(replace(small, options=StrategyOptions(**{option: 12})), Quiet())

    other = replace(small, options=StrategyOptions(**{option: 12}), out=small.out.with_name("other"))
    simulated(other)
    assert json.loads((other.out / "run.json").read_text())[option] == 12
    assert run(other, Quiet()).saved_before == 1, "the same options go on in the same folder"
    with pytest.raises(AnotherExperiment, match=rf"with {option} 12, and this command has off: use another --out"):
        run(replace(other, options=StrategyOptions()), Quiet())
    picks, other_picks = Results(small.out).read(cell).picks, Results(other.out).read(cell).picks
    assert picks[0] == other_picks[0], "initial pools take no options"
    assert picks != other_picks


def test_a_failed_run_is_reported_and_the_others_are_saved(experiment: Experiment, monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object) -> None:
        raise ZeroDivisionError("no margin today")

    with monkeypatch.context() as patch:
        patch.setattr(margin, "select", broken)
        outcome = run(experiment, Quiet())
    assert outcome.finished == 4
    assert len(outcome.failed) == 4
    failure = outcome.failed["mail minilm margin after random, seed 0"]
    assert failure.message == "ZeroDivisionError: no margin today"
    assert "select" in failure.trace
    assert set(pd.read_parquet(experiment.out / "results.parquet").strategy) == {"random"}
    assert len(simulated(experiment)) == 32, "once it is repaired, the same command must run what failed"


@pytest.mark.parametrize("embeddings", list(permutations(["tfidf", "minilm", "owner/missing"])))
def test_the_embedding_that_fails_is_named_and_the_others_are_used(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch, embeddings: tuple[str, ...]
):
    def one_is_missing(names: Sequence[str], train: Sequence[str], test: Sequence[str], *_: object) -> Iterator:
        for name in names:
            if name == "owner/missing":
                raise ModelNotAvailable("the hub has no model owner/missing")
            yield from hashed([name], train, test)

    monkeypatch.setattr(vector_cache, "embed", one_is_missing)
    outcome = run(replace(experiment, datasets=["mail"], embeddings=embeddings), Quiet())
    messages = {name: failure.message for name, failure in outcome.failed.items()}
    assert messages == {"mail owner/missing": "the hub has no model owner/missing"}
    assert outcome.finished == 2 * len(experiment.strategies) * experiment.seeds


def test_layers_that_one_pass_computes_fail_together(experiment: Experiment, monkeypatch: pytest.MonkeyPatch):
    def packaged_is_missing(names: Sequence[str], train: Sequence[str], test: Sequence[str], *_: object) -> Iterator:
        if "minilm" in names:
            raise ModelNotAvailable("the packaged model is missing")
        return hashed(names, train, test)

    monkeypatch.setattr(vector_cache, "embed", packaged_is_missing)
    embeddings = ["minilm:int8", "minilm", "minilm:layer3"]
    outcome = run(replace(experiment, datasets=["mail"], embeddings=embeddings), Quiet())
    assert set(outcome.failed) == {"mail minilm", "mail minilm:layer3"}
    assert outcome.finished == len(experiment.strategies) * experiment.seeds


def test_a_dataset_that_cannot_be_used_does_not_stop_the_others(experiment: Experiment, data: Path):
    (data / "broken.parquet").write_bytes(b"nothing")
    table(12).to_parquet(data / "tiny.parquet")
    outcome = run(replace(experiment, datasets=["broken", "mail", "tiny"], seeds=1), Quiet())
    assert outcome.finished == 2
    assert "cannot be read as Parquet" in outcome.failed["broken"].message
    assert "tiny: the pool has 9 different texts, fewer than the initial pool of 10" in outcome.failed["tiny"].message


def test_a_command_that_can_use_no_dataset_leaves_the_folder_to_the_corrected_one(experiment: Experiment):
    small = replace(experiment, datasets=["mail"], seeds=1)
    assert run(replace(small, budget=Budget(10_000, 10, 2)), Quiet()).failed.keys() == {"mail"}
    assert not experiment.out.exists()
    assert run(small, Quiet()).finished == 2


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"strategies": ["margni"]}, r"unknown strategy 'margni': did you mean margin\? Known: .*typiclust"),
        ({"initials": ["margin"]}, "unknown initial method 'margin'; known: .*typiclust"),
        ({"datasets": ["mali"]}, r"unknown dataset 'mali': did you mean mail\? Known: chat, mail"),
        ({"embeddings": ["minilm:layer9"]}, "minilm:layer9"),
        ({"embeddings": ["minlm"]}, r"unknown embedding 'minlm': did you mean minilm\? Known: minilm, minilm:layer1"),
        ({"embeddings": ["vectors.npy"]}, "embedding 'vectors.npy': no such file"),
        ({"perturbations": Perturbations(label_noise=3)}, "label noise must be a share from 0 to 1, got 3"),
        (
            {"perturbations": Perturbations(pool_size={"mial": 50})},
            "names the dataset 'mial', which does not exist; known: mail, chat",
        ),
        ({"perturbations": Perturbations(test_size={"": 9, "m": 50})}, "names the dataset 'm', which does not exist"),
    ],
)
def test_unknown_names_are_refused_before_anything_is_read(experiment: Experiment, changed: dict, reason: str):
    with pytest.raises(ValueError, match=reason):
        run(replace(experiment, **changed), Quiet())
    assert not experiment.out.exists()


def test_a_size_may_be_set_for_a_dataset_that_is_added_later(experiment: Experiment):
    sized = replace(experiment, seeds=1, perturbations=Perturbations(pool_size={"chat": 90, "mail": 80}))
    simulated(replace(sized, datasets=["mail"]))
    simulated(sized)
    record = json.loads((experiment.out / "run.json").read_text())
    assert {name: described["pool"] for name, described in record["datasets"].items()} == {"mail": 80, "chat": 90}


def full_after(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    left = iter(range(n))
    written = os.fsync

    def fsync(descriptor: int) -> None:
        if next(left, None) is None:
            raise OSError(28, "No space left on device")
        written(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)


def test_a_full_disk_stops_with_a_remedy_and_loses_nothing(experiment: Experiment, monkeypatch: pytest.MonkeyPatch):
    simulated(replace(experiment, seeds=1))
    with monkeypatch.context() as patch:
        full_after(3, patch)
        with pytest.raises(CannotSave, match=r"No space left on device.*Free some space and run the same command"):
            run(experiment, Quiet())
    assert len(pd.read_parquet(experiment.out / "results.parquet")) == 16, "the earlier merged table must be whole"
    assert not list(experiment.out.rglob(".*")), "no half-written file may be left"
    assert len(simulated(experiment)) == 32


def test_a_folder_of_results_that_cannot_be_used_is_named(experiment: Experiment, tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="file is a file: give --out a folder"):
        run(replace(experiment, out=tmp_path / "file"), Quiet())
    with pytest.raises(DataError, match=r"run\.json cannot be opened: File name too long"):
        run(replace(experiment, out=tmp_path / ("a" * 300)), Quiet())


class Stopping(Quiet):
    """Progress during which Ctrl-C is pressed after three runs."""

    def follow(self, what: str, items: Iterator, total: int) -> Iterator:
        for done, item in enumerate(items):
            if what == "runs" and done == 3:
                raise KeyboardInterrupt
            yield item


def test_after_ctrl_c_the_finished_runs_are_merged(experiment: Experiment):
    with pytest.raises(KeyboardInterrupt):
        run(experiment, Stopping())
    assert len(pd.read_parquet(experiment.out / "results.parquet")) == 3 * 4
    larger = replace(experiment, seeds=3)
    assert len(simulated(larger)) == 2 * 2 * 3 * 4
    record = json.loads((experiment.out / "run.json").read_text())
    assert (record["seeds"], len(record["calls"])) == (3, 2)


def number_of_writes(folder: Path, experiment: Experiment) -> int:
    """The number of files that the experiment writes."""
    writes = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", writes.append)
        run(replace(experiment, out=folder / "counted", cache=folder / "counted-cache"), Quiet())
    return len(writes)


def test_a_kill_at_any_write_loses_and_duplicates_no_run(experiment: Experiment, tmp_path: Path):
    small = replace(experiment, datasets=["mail"], seeds=1)
    moments = number_of_writes(tmp_path, small)
    assert moments > 2 + 3, "two runs and the tables must be written one by one"
    killed = subprocess.run(
        [sys.executable, KILLED_RUNS, str(small.data), str(tmp_path), str(moments)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert json.loads(killed.stdout) == [signal.SIGKILL] * moments
    uninterrupted = simulated(replace(small, out=tmp_path / "whole"))
    assert len(uninterrupted) == 2 * 4
    saved_before = []
    for moment in range(1, moments + 1):
        out = tmp_path / f"killed-{moment}"
        resumed = replace(small, out=out, cache=tmp_path / f"cache-{moment}")
        outcome = run(resumed, Quiet())
        assert not outcome.failed
        assert outcome.finished + outcome.saved_before == 2
        saved_before.append(outcome.saved_before)
        assert same_results(pd.read_parquet(out / "results.parquet"), uninterrupted)
    assert saved_before == sorted(saved_before)
    assert set(saved_before) == {0, 1, 2}, "it must be killed with none, some and all of the runs saved"


def test_the_command_reports_failures_by_its_exit_status(data: Path, tmp_path: Path):
    (data / "broken.parquet").write_bytes(b"nothing")
    command = [sys.executable, "-m", "simulator", "run", "--data", str(data), "--datasets", "mail,broken"]
    command += ["--seeds", "1"]
    command += ["--embeddings", "tfidf", "--strategies", "random", "--initial-size", "10", "--batch-size", "10"]
    command += ["--cycles", "1", "--cache", str(tmp_path / "cache"), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "may be incomplete: write or copy it again" in " ".join(done.stderr.split())
    assert "1 runs finished" in done.stdout


@pytest.mark.parametrize("option", ["subpool", "balance"])
def test_the_command_passes_on_options_of_strategies(data: Path, tmp_path: Path, option: str):
    command = ["run", "--data", str(data), "--datasets", "mail", "--seeds", "1", "--embeddings", "tfidf"]
    command += ["--strategies", "random", "--initial-size", "10", "--batch-size", "10", "--cycles", "1"]
    command += ["--cache", str(tmp_path / "cache"), "--out", str(tmp_path / "out"), f"--{option}", "20"]
    assert CliRunner().invoke(app, command).exit_code == 0
    assert json.loads((tmp_path / "out" / "run.json").read_text())[option] == 20


@pytest.mark.parametrize("strategy", strategies.names())
def test_every_strategy_can_be_simulated(strategy: str):
    cell = Cell("mail", "none", "random", strategy, seed=0)
    outcome = run_cell(cell, Arrays(), Budget(6, 3, 2)).outcome
    assert isinstance(outcome, SimulatedRun)
    assert [len(picks) for picks in outcome.picks] == [6, 3, 3]


def test_runs_that_were_saved_without_the_details_of_cycles_are_read_with_empty_columns(experiment: Experiment):
    before = simulated(replace(experiment, datasets=["mail"], seeds=1))
    assert before[results.DETAILS].notna().all(axis=None)
    for path in Results(experiment.out).parts.rglob("*.json"):
        part = json.loads(path.read_text())
        part["cycles"] = [{k: v for k, v in cycle.items() if k not in results.DETAILS} for cycle in part["cycles"]]
        path.write_text(json.dumps(part))
    merged = simulated(replace(experiment, datasets=["mail"], seeds=2))
    older = merged["seed"] == 0
    assert merged.loc[older, results.DETAILS].isna().all(axis=None)
    assert merged.loc[~older, results.DETAILS].notna().all(axis=None)
    same = merged[older].reset_index(drop=True).drop(columns=results.DETAILS)
    assert same_results(same, before.drop(columns=results.DETAILS))


def only_small_files(folder: Path, copy: Path) -> Path:
    """A copy of the files of a folder of results that are easy to keep: the tables and run.json."""
    copy.mkdir()
    for name in ("results.parquet", "embedding_quality.parquet", "run.json"):
        shutil.copy(folder / name, copy)
    return copy


def test_a_folder_goes_on_from_its_tables_alone(experiment: Experiment, tmp_path: Path):
    first = simulated(replace(experiment, datasets=["mail"], seeds=1))
    moved = replace(experiment, out=only_small_files(experiment.out, tmp_path / "moved"))
    outcome = run(moved, Quiet())
    assert (outcome.saved_before, outcome.finished) == (2, 6)
    table = pd.read_parquet(moved.out / "results.parquet")
    assert first.merge(table, how="inner").equals(first), "every number is kept to the last bit"
    assert same_results(table, simulated(replace(experiment, out=tmp_path / "at once")))
    assert len(pd.read_parquet(moved.out / "embedding_quality.parquet")) == 2
    again = replace(experiment, out=only_small_files(moved.out, tmp_path / "again"))
    assert (run(again, Quiet()).finished, len(list((again.out / "quality").rglob("*.json")))) == (0, 0)
    assert pd.read_parquet(again.out / "results.parquet").equals(table)


def test_a_part_counts_more_than_its_rows_in_the_table(experiment: Experiment):
    small = replace(experiment, datasets=["mail"], seeds=1)
    simulated(small)
    cell = Cell("mail", "minilm", "random", "margin", 0)
    part = Results(small.out).read(cell)
    changed = replace(part, cycles=[cycle | {"accuracy": 0.5} for cycle in part.cycles])
    Results(small.out).save(cell, changed)
    table = simulated(small)
    assert (table.loc[table["strategy"] == "margin", "accuracy"] == 0.5).all()
    assert not (table.loc[table["strategy"] == "random", "accuracy"] == 0.5).all()


def test_a_table_that_cannot_be_read_is_named_and_not_overwritten(experiment: Experiment):
    experiment.out.mkdir()
    (experiment.out / "results.parquet").write_bytes(b"nothing")
    with pytest.raises(CannotSave, match=r"results\.parquet cannot be read as Parquet"):
        run(experiment, Quiet())
    assert (experiment.out / "results.parquet").read_bytes() == b"nothing"


def test_the_wall_time_of_a_call_that_was_stopped_is_kept(experiment: Experiment, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(call_record, "SAVED_EVERY", 0.0)
    monkeypatch.setattr(runner, "_close", lambda *_: None)  # as if it were killed
    with pytest.raises(KeyboardInterrupt):
        run(experiment, Stopping())
    monkeypatch.undo()
    monkeypatch.setattr(vector_cache, "embed", hashed)
    simulated(experiment)
    killed, ended = json.loads((experiment.out / "run.json").read_text())["calls"]
    assert ("finished" in killed, "finished" in ended) == (False, True)
    assert (killed["runs"], ended["runs"]) == (3, 5)
    assert killed["wall_seconds"] >= killed["run_seconds"] >= 0


def test_the_grid_of_a_call_has_the_names_of_the_results(experiment: Experiment):
    table = simulated(replace(experiment, datasets=["mail"], embeddings=["mine=minilm"]))
    (call,) = json.loads((experiment.out / "run.json").read_text())["calls"]
    runs = planned_runs(table, {"calls": [call]})
    assert set(runs.itertuples(index=False)) == set(table[[*runs]].drop_duplicates().itertuples(index=False))
