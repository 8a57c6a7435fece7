"""What tells one doubt from another, so that a dismissed one comes back only when its label changes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def label_key(label: Mapping[str, Any]) -> str:
    """The key of a label that the model doubts, as `look_again` of an evaluation has it."""
    return _key([label["given"], label["present"]])


def disagreement_key(disagreement: Mapping[str, Any]) -> str:
    """The key of what people chose for a task, as `disagreements` of an evaluation has it."""
    votes = [[vote["annotator"] or 0, sorted(vote["classes"])] for vote in disagreement["votes"]]
    return _key(sorted(votes))


def _key(label: Any) -> str:
    return hashlib.sha256(json.dumps(label).encode()).hexdigest()
