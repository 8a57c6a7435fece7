"""The strategy of the same name as an initial pool."""

from ml_backend.learning.strategies.max_herding import select

__all__ = ["select"]
