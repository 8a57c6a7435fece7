"""A worker process that is killed loses at most its own call."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from deadly_calls import deadly

from simulator.experiment.processes import Call, Failure, distribute


def calls(folder: Path, deaths: Mapping[str, int], repeats: int) -> dict[tuple[str, int], Call]:
    """Calls by (name, number); the calls of a name kill their process as often as `deaths` says."""
    for name in deaths:
        (folder / name).mkdir()
    return {(name, i): Call(deadly, (folder / name, deaths[name])) for i in range(repeats) for name in deaths}


def test_calls_that_kill_their_process_are_reported_and_all_others_finish(tmp_path: Path):
    planned = calls(tmp_path, {"mail": 0, "huge": 99, "chat": 0, "post": 0, "talk": 0}, repeats=1)
    returned = list(distribute(planned, jobs=2, scheduler=None))
    assert sorted(key for key, _ in returned) == sorted(planned)
    for (name, _), outcome in returned:
        if name == "huge":
            assert isinstance(outcome, Failure)
            assert outcome.message.startswith("its worker process died, and died again when no other run was active")
        else:
            assert outcome == name


def test_a_call_whose_process_is_killed_once_is_tried_again(tmp_path: Path):
    planned = calls(tmp_path, {"mail": 0, "unlucky": 1}, repeats=3)
    returned = list(distribute(planned, jobs=2, scheduler=None))
    assert sorted(returned) == sorted((key, key[0]) for key in planned)
    assert len(list((tmp_path / "unlucky").iterdir())) == 1
