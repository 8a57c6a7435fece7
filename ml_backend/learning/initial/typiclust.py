"""The strategy of the same name as an initial pool."""

from ml_backend.learning.strategies.typiclust import select

__all__ = ["select"]
