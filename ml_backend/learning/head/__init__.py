"""The head: a linear classifier on frozen embeddings, refitted from scratch every time."""

from ml_backend.learning.head.logistic import Head

__all__ = ["Head"]
