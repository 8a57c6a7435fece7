"""The reasons for tasks agree with what the strategies say of themselves."""

from ml_backend.learning.catalogue import INITIAL_POOLS, builtin_info, builtin_names
from ml_backend.pipeline.why_chosen import BY_TEXTS_ALONE, WORDS


def test_the_model_is_no_reason_for_methods_that_need_none():
    need_no_head = {name for name in builtin_names() if not builtin_info(name).needs_head} | set(INITIAL_POOLS)
    assert need_no_head - {"random", "tcm"} == BY_TEXTS_ALONE


def test_every_method_has_its_words():
    assert set(WORDS) == {*builtin_names(), *INITIAL_POOLS} - {"random"}
