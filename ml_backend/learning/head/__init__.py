"""The head: a linear classifier on frozen embeddings that is fitted anew, without a warm start, every time."""

from ml_backend.learning.head.logistic import Head

__all__ = ["Head"]
