"""What `label-copies` says before it writes."""

from __future__ import annotations

import pytest

from ml_backend.labelstudio.label_config import parse
from ml_backend.pipeline.label_copies import Copies, counted

CONFIG = parse(
    '<View><Text name="t" value="$t"/>'
    '<Choices name="c" toName="t"><Choice value="a"/><Choice value="b"/></Choices></View>'
)


@pytest.mark.parametrize(
    ("chosen", "disputed", "sentences"),
    [
        (0, 0, ["0 open tasks have the same text as a labelled one"]),
        (1, 1, ["1 open task has the same text as a labelled one",
                "1 more is left out: its text has different labels"]),
        (1200, 2, ["1,200 open tasks have the same text as a labelled one",
                   "2 more are left out: their text has different labels"]),
    ],
)  # fmt: skip
def test_copies_are_counted_in_sentences(chosen: int, disputed: int, sentences: list[str]):
    copies = Copies(CONFIG, dict.fromkeys(range(chosen), ("a",)), list(range(disputed)))
    assert list(counted(copies)) == sentences
