"""Files of a layout folder: there as a whole or not at all; what is wrong is said in a line."""

import contextlib
import fcntl
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from lading.client.errors import ClientError
from lading.system.regular_files import open_to_read

_DRAFT = ".lading-"
# Seconds in which another command may have made one and not locked it yet.
_YOUNG = 60


def open_file(path: Path) -> BinaryIO:
    """A file that is no named pipe and the like, opened to be read."""
    return open(open_to_read(str(path)), "rb")  # noqa: PTH123 - the caller closes it


def write_whole(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file that is there as a whole or not at all; a `ClientError` if that fails."""
    with translating(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=_DRAFT, delete=False) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                file.writelines(pieces)
                file.flush()  # where a full disk is noticed
                Path(file.name).chmod(0o644)
                os.replace(file.name, path)  # noqa: PTH105 - as the calls of the system are named
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise


def clear_drafts(folder: Path) -> None:
    """Remove files that were being written when their command was killed, if there are any."""
    try:
        names = [entry.name for entry in os.scandir(folder) if entry.name.startswith(_DRAFT)]
    except (FileNotFoundError, NotADirectoryError):  # who writes there says what is wrong
        return
    for name in names:
        with contextlib.suppress(OSError), open_file(folder / name) as file:
            if os.fstat(file.fileno()).st_mtime < time.time() - _YOUNG:
                # Fails where another command is writing it: that is slow, and alive.
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                (folder / name).unlink()


@contextmanager
def translating(path: Path) -> Iterator[None]:
    """Say in a line what is wrong with a file, but for one that is not there.

    Raises:
        ClientError: it cannot be read or written.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ClientError(f"{error.filename or path}: {error.strerror}") from error
