"""The strategy of the same name as an initial pool."""

from ml_backend.learning.strategies.coreset import select

__all__ = ["select"]
