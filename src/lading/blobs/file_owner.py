"""The owner of the files below a root, where several machines share them: a file that names it.

As in a bucket (`s3/ownership`), two databases with the same files would collect each other's blobs:
each takes what only the other one knows for garbage. The name of a registry is written down once,
under the condition that there is none, and whoever opens the files reads it again.

A registry that was migrated with its rows alone, or restored from a backup, is in two databases
that have the same name. Then the file says more: that the files are free for the first of the two
that goes on, or which of them that was.
"""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from lading.blobs.layout import Layout
from lading.system import durable

FREE = "free"
"""What stands below the name when a registry has come to its new database."""

# Bytes that are read of it: a name has some forty.
_MOST = 4096


def find_owner(layout: Layout) -> str | None:
    """The name of the registry that the files belong to; `None` if nobody has taken them."""
    try:
        with open(layout.owner, "rb") as file:
            return file.read(_MOST).decode(errors="replace").strip()
    except FileNotFoundError:
        return None


def take(layout: Layout, name: str) -> str:
    """Write down whose the files are, unless that is said already; returns what is said then.

    It is there as a whole or not at all. A crash leaves a file beside it that nobody reads.
    """
    directory = Path(layout.owner).parent
    durable.make_directories(directory)
    descriptor, draft = tempfile.mkstemp(prefix="owner.", dir=directory)
    try:
        with open(descriptor, "wb") as file:
            file.write(f"{name}\n".encode())
            file.flush()
            os.fsync(descriptor)
        with suppress(FileExistsError):  # another one came first
            os.link(draft, layout.owner)
    finally:
        os.unlink(draft)
    durable.sync_directory(directory)
    return find_owner(layout) or ""


def replace(layout: Layout, said: str) -> None:
    """Have the file say something else; nothing at all if that is empty."""
    path = Path(layout.owner)
    if said:
        durable.replace(path, f"{said}\n".encode(), takes_over=True)
    else:
        path.unlink(missing_ok=True)
        durable.sync_directory(path.parent)
