"""Whether a project can stop labelling, from how far its successive heads agree."""

from __future__ import annotations

from collections.abc import Sequence

from ml_backend.learning.evaluation.stopping import Advice, stabilized


def stopping_advice(kappas: Sequence[float]) -> Advice:
    """Whether to stop, by the rule of `learning.evaluation.stopping.stabilized`; kappas: one per run, newest last."""
    return stabilized(kappas)
