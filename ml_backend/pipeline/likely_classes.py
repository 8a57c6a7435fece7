"""From probabilities to the classes that the model would choose."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MULTI_LABEL_THRESHOLD = 0.5


def likely_classes(
    probabilities: NDArray[np.float32], classes: Sequence[str], multi_label: bool
) -> list[tuple[str, float]]:
    """The class of highest probability, or for multi-label all at one half or more, each with its probability.

    probabilities (n_classes,) float32, in the order of `classes`.
    """
    if not multi_label:
        best = int(probabilities.argmax())
        return [(classes[best], float(probabilities[best]))]
    return [(classes[i], float(probabilities[i])) for i in np.flatnonzero(probabilities >= MULTI_LABEL_THRESHOLD)]
