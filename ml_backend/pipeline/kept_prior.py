"""The class prior of the last fit, kept in memory: it depends on all texts, and seldom changes from fit to fit."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from ml_backend.learning.head.class_prior import ClassPrior


class KeptPrior:
    """Belongs to the vectors that the prior was refined on; whoever changes them calls `forget`."""

    def __init__(self) -> None:
        self._key: Hashable = None
        self._prior: ClassPrior | None = None

    def get(self, key: Hashable, make: Callable[[], ClassPrior]) -> ClassPrior:
        """The kept prior if it was made with an equal key, otherwise the one that `make` returns, which is kept.

        key: everything besides the vectors that the prior depends on. Raises what `make` raises.
        """
        if self._prior is None or self._key != key:
            self._prior = make()
            self._key = key
        return self._prior

    def forget(self) -> None:
        """Make it anew at the next call."""
        self._prior = None
