"""Files without a name: what waits on the disk, and is gone with the process that has it."""

import os
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO


def open_unnamed(directory: Path | None) -> IO[bytes]:
    """Open a new file, below a directory if that can be.

    Raises:
        OSError: there is no room for one, here or in the system's place for such files.
    """
    try:
        return TemporaryFile(buffering=0, dir=directory)
    except OSError:  # data that are served read-only
        return TemporaryFile(buffering=0)


def write_at(descriptor: int, data: bytes | bytearray | memoryview, offset: int) -> None:
    """Write all of the bytes at an offset.

    Raises:
        OSError: there is no room for them; perhaps some were written.
    """
    rest = memoryview(data)
    while rest:
        written = os.pwrite(descriptor, rest, offset)
        offset, rest = offset + written, rest[written:]
