"""Errors of the store that say nothing about the data that was to be written."""

from __future__ import annotations

from ml_backend.store.database import DATABASE_ERRORS
from ml_backend.store.leases import LeaseLost

NOT_THE_DATA: tuple[type[Exception], ...] = (*DATABASE_ERRORS, LeaseLost)
"""The database cannot be used (locked, full, connection lost, transaction ended by the server), or the lease is lost.

A smaller part of the data would not be written either.
"""
