"""A person's Label Studio key, encrypted with the id of the session.

The database has the encrypted key, and only the browser has the id: neither of them alone gives the key.
"""

from __future__ import annotations

import base64
import hashlib

from cryptography.fernet import Fernet

PURPOSE = b"Label Studio key of a session:"


def seal(key: str, session_id: str) -> str:
    """Encrypt a key."""
    return _cipher(session_id).encrypt(key.encode()).decode()


def unseal(sealed: str, session_id: str) -> str:
    """Decrypt a key. Raises cryptography.fernet.InvalidToken for another session's."""
    return _cipher(session_id).decrypt(sealed.encode()).decode()


def _cipher(session_id: str) -> Fernet:
    # The id has 256 random bits, so one hash makes a key of it.
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(PURPOSE + session_id.encode()).digest()))
