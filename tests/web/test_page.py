"""What a project's page says, and how."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from flask.testing import FlaskClient

from ml_backend.project_settings import number_limits
from ml_backend.store import Store
from ml_backend.store.records import ProjectCounts
from ml_backend.store.states import BatchState

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def test_what_is_read_is_on_the_page_and_in_the_status(connected: FlaskClient):
    reads = connected.get("/projects/7/status").json["reads"]
    assert (reads["control"], reads["tag"], reads["classes"], reads["multi_label"]) == ("topic", "Choices", 2, False)
    assert reads["texts"] == ["$text"]
    page = connected.get("/projects/7/details", headers=BROWSER).text
    assert "&lt;Choices&gt; topic" in page
    assert "$text" in page


def test_fields_that_are_read_instead_of_the_label_configs_are_named(connected: FlaskClient, sqlite_store: Store):
    sqlite_store.update_project(7, settings={"text_fields": ["title", "body"]})
    assert connected.get("/projects/7/status").json["reads"]["texts"] == ["title", "body"]
    assert "title, body</dd>" in connected.get("/projects/7/details", headers=BROWSER).text


def test_text_between_backticks_is_shown_as_code_and_escaped(connected: FlaskClient, sqlite_store: Store):
    error = "set `a<b` to `c`, or a single ` stays"
    sqlite_store.update_project(7, state="waiting", error=error)
    page = connected.get("/projects/7", headers=BROWSER).text
    assert "set <code>a&lt;b</code> to <code>c</code>, or a single ` stays" in page
    assert "<code>python -m ml_backend doctor</code>" in page, "in the remedy too"
    assert connected.get("/projects/7/status").json["error"] == error


def test_times_carry_their_zone_so_that_the_browser_can_show_its_own(connected: FlaskClient, sqlite_store: Store):
    batch = sqlite_store.plan_batch(7, "badge", "because", None, [3], size=1)
    sqlite_store.mark_batch(7, batch.number, BatchState.PUBLISHED)
    published = sqlite_store.batches(7)[0].published_at
    assert published is not None
    moment = datetime.fromtimestamp(published, UTC)
    page = connected.get("/projects/7/details", headers=BROWSER).text
    title = moment.strftime("%Y-%m-%d %H:%M:%S UTC")
    assert f'<time datetime="{moment:%Y-%m-%dT%H:%M:%SZ}" title="{title}" data-relative>{title}</time>' in page


def test_copies_that_lack_the_label_of_their_text_are_counted_for_label_copies(
    connected: FlaskClient, sqlite_store: Store
):
    sqlite_store.update_project(7, counts=ProjectCounts(labels={"bug": 3}, duplicates=4, copies_to_label=2))
    assert "gives the 2 copies the label" in connected.get("/projects/7/details", headers=BROWSER).text
    sqlite_store.update_project(7, counts=ProjectCounts(labels={"bug": 5}, duplicates=4, copies_to_label=0))
    assert "label-copies" not in connected.get("/projects/7/details", headers=BROWSER).text


def test_refused_extra_params_are_on_the_page(connected: FlaskClient, sqlite_store: Store):
    sqlite_store.update_project(7, settings_problem="batch_size: not `many`")
    page = connected.get("/projects/7", headers=BROWSER).text
    assert "The extra params in Label Studio were refused" in page
    assert "batch_size: not <code>many</code>" in page


def test_number_fields_have_the_limits_of_their_settings(connected: FlaskClient):
    page = connected.get("/projects/7/strategy", headers=BROWSER).text
    fields = dict(re.findall(r'<input name="(\w+)" type="number"([^>]*)>', page))
    for name, (lowest, highest) in number_limits().items():
        assert f'min="{lowest}"' in fields[name]
        assert (f'max="{highest}"' in fields[name]) == (highest is not None)
    assert fields.keys() == number_limits().keys()
    assert 'step="any"' in fields["random_share"], "a share set through the API has any number of digits"
