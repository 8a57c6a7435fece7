"""The error of data that cannot be used."""

from __future__ import annotations


class DataError(ValueError):
    """Data that cannot be used; the message says what is wrong, where, and what to do."""
