"""The page of the strategies: choosing, comparing on the project's labels, and describing the classes."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from signing_in import BROWSER, sign_in

from ml_backend.pipeline.job_kinds import CLASS_PREVIEW_FILE
from ml_backend.project_settings import ProjectSettings
from ml_backend.store import Store
from ml_backend.store.learning_records import Agreement, HeadRecord
from ml_backend.store.records import ProjectCounts, TaskRecord
from ml_backend.store.states import JobState
from ml_backend.web.page_parts import class_table
from simulator.advise.advice import ComparedCombination, Difference, Verdict
from simulator.advise.combination import Combination
from simulator.advise.recommendation import recommend
from simulator.advise.replay import Labelled
from simulator.cli.advice_json import JsonLines

HOSTILE = '<b>"onmouseover="x'
CONFIG = (
    '<View><Text name="t" value="$t"/><Choices name="c" toName="t">'
    '<Choice value="billing" hint="Money and invoices of all"/>'
    f'<Choice value="{html.escape(HOSTILE)}"/></Choices></View>'
)
RECOMMENDED = re.compile(r'<code>(\w+)</code>.*<span class="pill">recommended')
PAGE, SETTINGS = "/projects/7/strategy", "/projects/7/settings"
TEXT = "Where is <script>alert(1)</script> my invoice?"


@pytest.fixture
def signed_in(make_client: Any, sqlite_store: Store) -> FlaskClient:
    """A person who has signed in, before project 7 with one text."""
    sqlite_store.ensure_project(7, label_config=CONFIG)
    sqlite_store.upsert_tasks(7, [TaskRecord(7, 1, "hash", None)], {"hash": TEXT})
    client: FlaskClient = make_client(basic_auth_user="ann", basic_auth_pass="secret")
    assert sign_in(client, user="ann", password="secret").status_code == 303
    return client


def page(client: FlaskClient) -> str:
    return client.get(PAGE, headers=BROWSER).text


def part(text: str, name: str) -> str:
    """The section with this id."""
    found = re.search(rf'<section[^>]* id="{name}".*?</section>', text, re.DOTALL)
    assert found
    return found[0]


def hidden(form: str) -> dict[str, str]:
    return {n: html.unescape(v) for n, v in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)}


def stored(store: Store) -> ProjectSettings:
    project = store.project(7)
    assert project is not None
    return ProjectSettings.usable(project.settings)


def set_labels(store: Store, n: int) -> None:
    store.update_project(7, counts=ProjectCounts(labels={"billing": n}, labeled=n))


def test_a_strategy_is_chosen_by_one_click_which_changes_nothing_else(signed_in: FlaskClient, sqlite_store: Store):
    sqlite_store.update_project(7, settings={"strategy": "margin", "batch_size": 7})
    shown = part(page(signed_in), "strategies")
    (current,) = re.findall(r'<li class="current".*?<code>(\w+)</code>', shown, re.DOTALL)
    assert current == "margin"
    (recommended,) = RECOMMENDED.findall(shown)
    assert recommended == "uherding", "the default, by the benchmark"
    forms = {
        re.findall(r'name="strategy" value="(\w+)"', f)[0]: f for f in re.findall(r"<form.*?</form>", shown, re.DOTALL)
    }
    assert "margin" not in forms
    sqlite_store.update_project(7, settings={"strategy": "margin", "batch_size": 9})
    sent = hidden(forms["badge"]) | {"strategy": "badge"}
    assert signed_in.post(SETTINGS, data=sent, headers=BROWSER).status_code == 303
    assert (stored(sqlite_store).strategy, stored(sqlite_store).batch_size) == ("badge", 9)


def test_who_has_not_signed_in_sees_strategies_and_neither_buttons_nor_texts(make_client: Any, sqlite_store: Store):
    sqlite_store.ensure_project(7, label_config=CONFIG)
    text = page(make_client())
    assert "<code>margin</code>" in text
    assert "Sign in to describe classes" in text
    assert 'name="strategy"' not in text
    assert 'name="description"' not in text


def advice(strategy: str, gain: float, p: float, head: str = "named") -> ComparedCombination:
    """What a simulation found of a strategy where uherding is in use; gain: over that."""
    over = Difference(gain, gain - 0.02, gain + 0.02, 40, 12, 66)
    verdict = Verdict.NOT_CLEAR if p > 0.05 else Verdict.BETTER
    verdict = Verdict.IN_USE if (strategy, head) == ("uherding", "named") else verdict
    return ComparedCombination(
        Combination("minilm", strategy, "typiclust", head), 0.7 + gain, 0.8, over, over, p, verdict, 0.5
    )


def compared(capsys: pytest.CaptureFixture[str], rows: list[ComparedCombination]) -> dict[str, Any]:
    """The result of the job, from what the simulator writes."""
    lines = JsonLines()
    lines.say("a note")
    assert list(lines.follow("simulated runs", iter("ab"), 2)) == ["a", "b"]
    labelled = Labelled(["a", "b"], np.array([0, 1]), ("x", "y"))
    lines.write_advice(labelled, rows, recommend(rows, has_class_names=True), None)
    written = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [set(line) for line in written[:2]] == [{"note"}, {"doing", "done", "total"}]
    assert written[-2]["done"] == written[-2]["total"] == 2
    return {**written[-1]["advice"], "drawn_of": None}


def end(store: Store, result: dict[str, Any] | None, error: str | None = None) -> None:
    job = store.add_job(7, "compare_strategies", {}, "ann")
    taken = store.take_job(["compare_strategies"], "worker")
    assert taken is not None
    store.end_job(job.id, "worker", JobState.FAILED if error else JobState.DONE, result, error)


def test_the_comparison_says_how_many_labels_are_missing_then_starts_and_shows_its_progress(
    signed_in: FlaskClient, sqlite_store: Store
):
    set_labels(sqlite_store, 88)
    assert "12 more labels are needed" in part(page(signed_in), "comparison")
    sqlite_store.update_project(7, counts=ProjectCounts(labels={"billing": 90, "a": 1, "b": 1}, labeled=92))
    assert "10 more labels are needed in classes that have 2 or more" in part(page(signed_in), "comparison")
    sqlite_store.update_project(7, counts=ProjectCounts(labels={str(n): 4 for n in range(30)}, labeled=120))
    shown = part(page(signed_in), "comparison")
    assert "There are 120 labels. Of these 30 classes half have fewer than 5" in shown
    assert "About 150 labels will do." in shown
    counts = ProjectCounts(labels={"single": 1, **{str(n): 4 for n in range(30)}}, labeled=121)
    sqlite_store.update_project(7, counts=counts)
    assert "There are 120 labels in classes that have 2 or more. Of these 30" in part(page(signed_in), "comparison")
    set_labels(sqlite_store, 100)
    form = re.findall(r"<form.*?</form>", part(page(signed_in), "comparison"), re.DOTALL)[0]
    started = signed_in.post("/projects/7/jobs/compare_strategies", data=hidden(form), headers=BROWSER)
    assert (started.status_code, started.location) == (303, f"{PAGE}#comparison")
    job = sqlite_store.take_job(["compare_strategies"], "worker")
    assert job is not None
    sqlite_store.report_job(job.id, "worker", 30, 120, "simulating", None)
    shown = part(page(signed_in), "comparison")
    assert "Simulating: 30 of 120…" in shown
    (told,) = signed_in.get("/projects/7/status").json["jobs"]
    assert (told["id"], told["kind"], told["done"], told["total"]) == (job.id, "compare_strategies", 30, 120)
    stop = signed_in.post(f"/projects/7/jobs/{job.id}/stop", data=hidden(shown), headers=BROWSER)
    assert stop.status_code == 303
    assert "30 of 120" not in part(page(signed_in), "comparison")


IN_USE = advice("uherding", 0.0, float("nan"))


def test_a_clearly_better_strategy_is_recommended_first_with_its_button_and_then_the_table(
    signed_in: FlaskClient, sqlite_store: Store, capsys: pytest.CaptureFixture[str]
):
    set_labels(sqlite_store, 120)
    result = compared(capsys, [advice("badge", 0.05, 0.001), advice("margin", 0.01, 0.6), IN_USE])
    end(sqlite_store, result)
    text = page(signed_in)
    assert RECOMMENDED.findall(part(text, "strategies")) == ["badge"]
    shown = part(text, "comparison")
    words = ["Use badge.", ">Use badge<", html.escape(result["reason"]), html.escape(result["saves"]), "<table"]
    places = [shown.index(word) for word in words]
    assert places == sorted(places)
    assert "right 5.0 points more often than with what you have, uherding" in shown
    assert "about 40 labels fewer" in shown
    assert re.findall(r"<td>(better|not clear|was in use)</td>", shown) == ["better", "not clear", "was in use"]
    assert shown.count('<svg class="interval"') == 2, "what was in use is what the others are measured by"
    assert shown.count('name="strategy"') == 3, "the recommendation and two rows"
    bars = re.findall(r'<line class="grid" x1="([\d.]+)".*?x="([\d.]+)" y="4" width="([\d.]+)"', shown)
    assert len({zero for zero, _, _ in bars}) == 1, "one scale for all rows"
    assert [float(left) > float(zero) for zero, left, _ in bars] == [True, False]


def test_a_recommendation_without_the_class_names_is_followed_by_one_click(
    signed_in: FlaskClient, sqlite_store: Store, capsys: pytest.CaptureFixture[str]
):
    end(sqlite_store, compared(capsys, [advice("uherding", 0.05, 0.001, head="plain"), IN_USE]))
    shown = part(page(signed_in), "comparison")
    assert "Use uherding without the class names." in shown
    form = re.findall(r"<form.*?</form>", shown, re.DOTALL)[0]
    followed = signed_in.post(SETTINGS, data=hidden(form) | {"strategy": "uherding"}, headers=BROWSER)
    assert followed.status_code == 303
    assert stored(sqlite_store).class_names == "off"
    shown = part(page(signed_in), "comparison")
    assert re.search(r'without the class names.</strong> <span class="pill good">in use', shown)


def test_without_a_clear_winner_what_is_in_use_stays_recommended_and_a_failure_is_told(
    signed_in: FlaskClient, sqlite_store: Store, capsys: pytest.CaptureFixture[str]
):
    set_labels(sqlite_store, 120)
    end(sqlite_store, compared(capsys, [advice("badge", 0.01, 0.5), IN_USE]))
    end(sqlite_store, None, "The comparison could not be made: <b>")
    text = page(signed_in)
    assert RECOMMENDED.findall(part(text, "strategies")) == ["uherding"]
    shown = part(text, "comparison")
    assert "Keep what you have: uherding." in shown, "the last one that was finished"
    assert "Nothing else tried is clearly better. badge was right 1.0 points more often" in shown
    assert "could not be made: &lt;b&gt;" in shown


def test_labels_that_a_comparison_leaves_out_are_told_and_do_not_count_as_new(
    signed_in: FlaskClient, sqlite_store: Store, capsys: pytest.CaptureFixture[str]
):
    end(sqlite_store, compared(capsys, [IN_USE]) | {"labels": 120})
    sqlite_store.update_project(7, counts=ProjectCounts(labels={"billing": 120, "single": 1}, labeled=121))
    shown = re.sub("<[^>]+>", "", part(page(signed_in), "comparison"))
    assert re.search(r"From 120 labels, [^;]* UTC. Classes with a single label are left out.", shown)
    sqlite_store.update_project(7, counts=ProjectCounts(labels={"billing": 150}, labeled=150))
    shown = re.sub("<[^>]+>", "", part(page(signed_in), "comparison"))
    assert "; there are 150 now." in shown
    assert "left out" not in shown


def put_head(store: Store) -> None:
    """A model, and what it makes of the classes."""
    store.put_head(HeadRecord("head 1", 7, ["billing", HOSTILE], False, "m", 0, b"", Agreement(), 1.0))
    of_class = {"share": 0.25, "likeliest": [[1, 0.875]]}
    content = {"head": "head 1", "texts": 4, "classes": {"billing": of_class, HOSTILE: {**of_class, "share": 0.75}}}
    store.put_file(7, CLASS_PREVIEW_FILE, json.dumps(content).encode(), {"head": "head 1"})


def typed(client: FlaskClient, *descriptions: str, do: str, before: tuple[str, str] = ("", "")) -> dict[str, Any]:
    token = hidden(part(page(client), "classes"))["csrf_token"]
    names = ["billing", HOSTILE]
    return {"csrf_token": token, "class": names, "before": list(before), "description": list(descriptions), "do": do}


def test_each_class_has_its_description_and_what_the_model_makes_of_it(signed_in: FlaskClient, sqlite_store: Store):
    put_head(sqlite_store)
    shown = part(page(signed_in), "classes")
    assert "25.0%" in shown
    assert "75.0%" in shown
    assert html.escape(TEXT, quote=False) in shown
    assert HOSTILE not in shown
    assert "<script>" not in shown
    assert 'placeholder="Money and invoices of all"' in shown


def test_texts_are_not_listed_for_a_class_that_the_model_gives_to_none(signed_in: FlaskClient, sqlite_store: Store):
    put_head(sqlite_store)
    unknown = {"share": 0.0, "likeliest": [[1, 0.004]]}
    content = {"head": "head 1", "texts": 4, "classes": {"billing": unknown, HOSTILE: unknown}}
    sqlite_store.put_file(7, CLASS_PREVIEW_FILE, json.dumps(content).encode(), {"head": "head 1"})
    shown = part(page(signed_in), "classes")
    assert shown.count("finds no open text likely of this class yet") == 2
    assert html.escape(TEXT, quote=False) not in shown


def test_descriptions_are_saved_and_those_that_nobody_changed_here_stay(signed_in: FlaskClient, sqlite_store: Store):
    form = typed(signed_in, "About <i>invoices</i>.", "", do="save")
    sqlite_store.update_project(7, settings={"class_descriptions": {HOSTILE: "Typed elsewhere."}})
    saved = signed_in.post(PAGE, data=form, headers=BROWSER)
    assert (saved.status_code, saved.location) == (303, f"{PAGE}?page=1&saved=1#classes")
    both = {"billing": "About <i>invoices</i>.", HOSTILE: "Typed elsewhere."}
    assert stored(sqlite_store).class_descriptions == both
    shown = part(signed_in.get(saved.location, headers=BROWSER).text, "classes")
    assert "About &lt;i&gt;invoices&lt;/i&gt;." in shown
    assert "The descriptions are saved." in shown
    removed = typed(signed_in, "", "Typed elsewhere.", do="save", before=(both["billing"], both[HOSTILE]))
    signed_in.post(PAGE, data=removed, headers=BROWSER)
    assert stored(sqlite_store).class_descriptions == {HOSTILE: "Typed elsewhere."}
    refused = signed_in.post(PAGE, data=typed(signed_in, "x" * 1001, "", do="save"), headers=BROWSER)
    assert refused.status_code == 400
    assert "1,001 characters" in refused.text


def test_a_try_shows_the_change_and_stores_nothing(
    signed_in: FlaskClient, sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
):
    put_head(sqlite_store)
    asked: list[dict[str, Any]] = []

    def ask(_project: int, _kind: str, given: dict[str, Any], *_: Any) -> dict[str, Any]:
        asked.append(given)
        found = {"share": 0.5, "likeliest": [[1, 0.999]]}
        return {"head": None, "texts": 4, "classes": {"billing": found, HOSTILE: found}}

    monkeypatch.setattr(class_table, "ask", ask)
    tried = signed_in.post(PAGE, data=typed(signed_in, "About invoices.", "", do="try"), headers=BROWSER)
    assert tried.status_code == 200
    assert asked == [{"descriptions": {"billing": "About invoices."}}]
    shown = part(tried.text, "classes")
    assert "not saved" in shown
    assert re.search(r"25.0%\s*→\s*<strong>50.0%", shown)
    assert "About invoices." in shown
    assert 'name="before" value=""' in shown, "saving it afterwards still counts as a change"
    assert 'You changed <a href="#class-1">billing</a> (25.0% → 50.0% of the open texts).' in shown
    assert "data-live" not in shown, "what was tried is not replaced by what is saved"
    assert stored(sqlite_store).class_descriptions is None
