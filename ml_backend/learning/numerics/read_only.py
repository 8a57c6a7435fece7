"""Views of arrays that cannot be written to."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.generic)


def read_only(array: NDArray[Scalar]) -> NDArray[Scalar]:
    """Returns a view of the array, of any shape and dtype, in which an assignment raises ValueError.

    Nothing is copied, and the array itself stays as it is.
    """
    view = array.view()
    view.flags.writeable = False
    return view
