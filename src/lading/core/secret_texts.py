"""Secrets that are handed out: random bits as text, of which the hash alone is kept."""

import base64
import hashlib

SECRET_BYTES = 32


def text_of(secret: bytes) -> str:
    """The text that a secret of `SECRET_BYTES` is handed out as."""
    return base64.urlsafe_b64encode(secret).decode().rstrip("=")


def hash_of(text: str) -> str:
    """The hash that a secret is kept as; a plain one, as nobody guesses 256 random bits."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
