"""What is wrong with a project's webhook, as the database keeps it and as sentences for people."""

from __future__ import annotations

import logging
import time

from ml_backend.labelstudio.webhook_states import FAILURES_UNTIL_OFF, WebhookState
from ml_backend.store import Store
from ml_backend.store.records import ProjectRecord
from ml_backend.store.states import WebhookProblem

logger = logging.getLogger(__name__)

SHOWN_SECONDS = 86_400.0
"""How long it is shown that Label Studio had switched a webhook off; events reach this backend again at once."""

PROBLEMS = {
    WebhookState.SWITCHED_ON: WebhookProblem.OFF_AFTER_FAILURES,
    WebhookState.OFF: WebhookProblem.OFF,
    WebhookState.MISSING: WebhookProblem.MISSING,
}
SENTENCES = {
    WebhookProblem.OFF_AFTER_FAILURES: f"Label Studio switched the webhook off after {FAILURES_UNTIL_OFF} failed "
    "deliveries in a row; it was switched on again. Meanwhile labels were found by the comparison every minute.",
    WebhookProblem.OFF: "The webhook is switched off in Label Studio, so labels are found only by the comparison every "
    "minute. To switch it on, run `python -m ml_backend connect {project}`.",
    WebhookProblem.MISSING: "The webhook is missing in Label Studio, so labels are found only by the comparison every "
    "minute. To create it again, run `python -m ml_backend connect {project}`.",
}


def store_webhook_state(store: Store, project: ProjectRecord, state: WebhookState) -> None:
    """Store what is wrong with the webhook, if that changed, and log it."""
    problem = PROBLEMS.get(state)
    if problem is None and project.webhook_problem is None:
        return
    if problem is None and _is_still_shown(project):
        return
    if problem == project.webhook_problem and problem is not WebhookProblem.OFF_AFTER_FAILURES:
        return
    found_at = None if problem is None else time.time()
    store.update_project(project.id, webhook_problem=problem, webhook_problem_at=found_at)
    if problem is not None:
        logger.warning("project %s: %s", project.id, _sentence(problem, project.id))


def webhook_sentence(project: ProjectRecord) -> str | None:
    """What is or was wrong with the project's webhook; None if nothing is known to be wrong."""
    return None if project.webhook_problem is None else _sentence(project.webhook_problem, project.id)


def _sentence(problem: WebhookProblem, project_id: int) -> str:
    return SENTENCES[problem].format(project=project_id)


def _is_still_shown(project: ProjectRecord) -> bool:
    age = time.time() - (project.webhook_problem_at or 0.0)
    return project.webhook_problem is WebhookProblem.OFF_AFTER_FAILURES and age < SHOWN_SECONDS
