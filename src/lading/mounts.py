"""What the file systems that hold the data allow."""

import os
from pathlib import Path


def is_read_only(path: Path) -> bool:
    """Whether nothing can be written where this is, or would be."""
    return bool(os.statvfs(_nearest(path)).f_flag & os.ST_RDONLY)


def _nearest(path: Path) -> Path:
    """The path, or what is there of those above it."""
    return next(each for each in (path, *path.absolute().parents) if each.exists())
