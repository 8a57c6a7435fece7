"""The strategy of the same name as an initial pool."""

from ml_backend.learning.strategies.random import select

__all__ = ["select"]
