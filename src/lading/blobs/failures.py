"""What the file system says when it fails, in the registry's words."""

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from lading.core.errors import RegistryError, StorageFull, Unavailable

log = logging.getLogger(__name__)

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def translated() -> Iterator[None]:
    """Turn failures of the file system into errors that a client can be told.

    Raises:
        StorageFull: there is no space left, or the quota is used up.
        Unavailable: something cannot be read or written; the log says what.
    """
    try:
        yield
    except OSError as error:
        raise _translate(error) from error


def _translate(error: OSError) -> RegistryError:
    if error.errno in _FULL:
        return StorageFull()
    log.error("the storage fails: %s", error)
    return Unavailable("the storage cannot be used; the registry's log says why")
