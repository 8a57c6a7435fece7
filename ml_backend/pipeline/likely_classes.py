"""The classes that a head predicts, from its probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MULTI_LABEL_THRESHOLD = 0.5


def likely_classes(
    probabilities: NDArray[np.float32], classes: Sequence[str], multi_label: bool
) -> list[tuple[str, float]]:
    """(class, probability) of the most likely class, or of all classes with 0.5 or more if multi-label.

    probabilities (n_classes,) float32, in the order of `classes`.
    """
    if not multi_label:
        best = int(probabilities.argmax())
        return [(classes[best], float(probabilities[best]))]
    return [(classes[i], float(probabilities[i])) for i in np.flatnonzero(probabilities >= MULTI_LABEL_THRESHOLD)]
