"""Paths of the registry's own files, below the root of all data; blobs have their own layout."""

from pathlib import Path


def own_directory(root: Path) -> Path:
    """The directory of all that is not a blob."""
    return root / "lading"


def metadata_path(root: Path) -> Path:
    """The file of the database."""
    return own_directory(root) / "metadata.sqlite3"


def keys_path(root: Path) -> Path:
    """The file of the keys that tokens are signed with."""
    return own_directory(root) / "token-keys.json"
