"""What the pages of a project have in common: who sees them, the heading, and the links between them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

from flask import Response, request, url_for

from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.pipeline.evaluated import project_evaluation
from ml_backend.pipeline.next_step import UP_TO_DATE
from ml_backend.store.records import ProjectRecord
from ml_backend.web.access.people import Person
from ml_backend.web.access.rights import require_person, require_reader
from ml_backend.web.context import web
from ml_backend.web.page_parts.evaluation import evaluation_view
from ml_backend.web.page_parts.rendering import page
from ml_backend.web.page_parts.said import said
from ml_backend.web.page_parts.status import page_status, project_status
from ml_backend.web.stored_project import label_config_of, stored_project

VIEWS = {
    "project": "Now",
    "quality": "Quality",
    "look_again": "Look again",
    "map": "Map",
    "find": "Find",
    "strategy": "Strategy",
    "people": "People",
    "actions": "Actions",
    "details": "Details",
}
"""Name of the route → what its link says, in the order of the links."""
SUB_PAGES = ("duplicates",)
"""Names of the routes of pages to which one of the others leads."""
ARGUMENTS = frozenset(
    ("q", "by", "show", "label", "predicted", "like", "likely", "unlike", "page", "part", "tasks", "threshold", "which")
)
"""Arguments of the addresses of pages that are kept when a form or signing in leads back to a page."""


@dataclass(frozen=True)
class ProjectPage:
    """A page of a project for one request.

    view: a name in VIEWS; who: the person, None for anybody while the pages are open to all; status: see
    `page_status`.
    """

    view: str
    record: ProjectRecord
    who: Person | None
    status: dict[str, Any]

    @property
    def id(self) -> int:
        """The project's id."""
        return self.record.id

    @property
    def label_studio(self) -> str:
        """The address of the project in Label Studio, as browsers reach it."""
        return label_studio_address(self.id)

    @cached_property
    def config(self) -> LabelConfig | None:
        """The label config; None for one that is not supported."""
        return label_config_of(self.record)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of the label config; none if it is not supported."""
        return () if self.config is None else self.config.classes

    def quality(self) -> dict[str, Any]:
        """How good the model is, see `evaluation_view`."""
        status = self.status
        return evaluation_view(
            self.evaluated(), status["labels"], status["settings"]["strategy"], status["setting_changes"]
        )

    def evaluated(self) -> dict[str, Any]:
        """The newest evaluation and its history, see `project_evaluation`."""
        return project_evaluation(web().store, self.record, with_people=self.who is not None)

    def render(self, template: str, answered: str = "", **values: Any) -> Response:
        """The page.

        answered: what came of a form, as a sentence, if it was not one that serves tasks next; values: what its
        template needs besides `status` and `label_studio`.
        """
        links = [(name, words, url_for(f"pages.{name}", project_id=self.id)) for name, words in VIEWS.items()]
        return page(
            template,
            has_form=self.who is not None,
            leads_to=self.label_studio,
            view=self.view,
            views=links,
            dict_of_views=VIEWS,
            up_to_date=UP_TO_DATE,
            status=self.status,
            label_studio=self.label_studio,
            may_change=self.who is not None,
            said=answered or said(request.args, is_paused=self.record.paused_at is not None),
            **values,
        )


def label_studio_address(project_id: int) -> str:
    """The address of a project in Label Studio, as browsers reach it."""
    settings = web().settings
    return f"{settings.label_studio_public_url or settings.label_studio_url}/projects/{project_id}"


def open_page(project_id: int, view: str, with_lists: bool = False) -> ProjectPage:
    """A page without texts, for all who may read the pages. Raises BadRequest, see `require_reader`.

    with_lists: whether its status is the whole one of `project_status`.
    """
    return _page(project_id, view, require_reader(project_id), with_lists)


def page_with_texts(project_id: int, view: str, what: str = "Texts") -> ProjectPage:
    """A page that shows texts or people, for somebody by name only. Raises BadRequest, see `require_person`."""
    return _page(project_id, view, require_person(project_id, what))


def _page(project_id: int, view: str, who: Person | None, with_lists: bool = False) -> ProjectPage:
    record = stored_project(project_id)
    read = project_status if with_lists else page_status
    status = read(web().store, record, web().readiness.database_problem(), with_names=who is not None)
    return ProjectPage(view, record, who, status)


def kept_arguments(query: str) -> dict[str, Any]:
    """Those of the arguments of an address that pages have; others could mean something to what builds an address."""
    return {name: value for name, value in parse_qsl(query) if name in ARGUMENTS}


def address_after_form(project_id: int, otherwise: str, **values: Any) -> str:
    """The address of the page that a form named in its field `view`, or of the page `otherwise`.

    values: arguments of the address; `_anchor`: the part of the page.
    """
    view = request.form.get("view", "")
    named = view if view in VIEWS or view in SUB_PAGES else otherwise
    return url_for(f"pages.{named}", project_id=project_id, **values)
