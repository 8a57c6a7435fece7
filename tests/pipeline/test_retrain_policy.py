from dataclasses import replace

import pytest

from ml_backend.pipeline.retrain_policy import Situation, reason_to_learn, settings_changed
from ml_backend.project_settings import ProjectSettings

QUIET = Situation(
    settings=ProjectSettings(batch_size=20, retrain_every=5),
    serving=True,
    changed=0,
    remaining=15,
    low=5,
    unpublished=100,
    work_left=False,
    settings_changed=False,
    classes_changed=False,
    class_texts_changed=False,
    new_tasks=False,
    train_requested=False,
)


def test_without_news_nothing_is_learned():
    assert reason_to_learn(QUIET) is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"serving": False}, "no batch of ours"),
        ({"train_requested": True}, "training was asked for"),
        ({"settings_changed": True}, "settings changed"),
        ({"classes_changed": True}, "label config changed"),
        ({"class_texts_changed": True}, "names or descriptions of the classes"),
        ({"changed": 5}, "5 labels are new or changed"),
        ({"remaining": 4}, "only 4 published tasks"),
        ({"new_tasks": True}, "new tasks"),
    ],
)
def test_each_cause_leads_to_a_batch_with_its_reason(change: dict, reason: str):
    assert reason in (reason_to_learn(replace(QUIET, **change)) or "")


def test_fewer_labels_than_retrain_every_wait():
    assert reason_to_learn(replace(QUIET, changed=4)) is None


def test_the_end_of_the_pool_does_not_cause_repeated_learning():
    assert reason_to_learn(replace(QUIET, remaining=2, unpublished=0)) is None
    assert reason_to_learn(replace(QUIET, remaining=0, unpublished=0, serving=False)) is None


def test_at_the_end_of_the_pool_every_new_label_is_learned_from():
    done = replace(QUIET, remaining=0, unpublished=0)
    assert reason_to_learn(done) is None
    assert "1 labels are new or changed" in (reason_to_learn(replace(done, changed=1)) or "")
    assert reason_to_learn(replace(done, train_requested=True)) == "training was asked for"


def test_new_tasks_wait_until_all_are_read_and_embedded():
    assert reason_to_learn(replace(QUIET, new_tasks=True, work_left=True)) is None


def test_settings_count_as_changed_if_a_value_changed():
    settings = ProjectSettings(batch_size=7)
    used = settings.model_dump(mode="json")
    assert not settings_changed(used, settings)
    assert settings_changed(None, settings), "nothing was fitted yet"
    assert settings_changed({**used, "batch_size": 8}, settings)
    assert settings_changed({**used, "subpool": 100}, settings)
    assert settings_changed({**used, "class_names": "off"}, settings)
    assert settings_changed({**used, "class_descriptions": {"bug": "A fault."}}, settings)
    assert settings_changed({**used, "strategy": "of a package that was removed"}, settings)
    assert settings_changed({**used, "setting of a later version": 1}, settings)


def test_a_setting_that_was_not_stored_counts_as_its_default():
    used = ProjectSettings(batch_size=7).model_dump(mode="json", exclude={"subpool", "balance"})
    assert not settings_changed(used, ProjectSettings(batch_size=7))
    assert settings_changed(used, ProjectSettings(batch_size=7, subpool=100))
