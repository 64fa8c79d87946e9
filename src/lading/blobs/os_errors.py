"""Failures of the file system, as errors in the registry's words."""

import errno
import logging
from contextlib import AbstractContextManager

from lading.core.errors import RegistryError, StorageFull, Unavailable
from lading.core.translation import Translation

log = logging.getLogger(__name__)

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def translate() -> AbstractContextManager[None]:
    """Turn failures of the file system into errors that a client can be told.

    Raises:
        StorageFull: there is no space left, or the quota is used up.
        Unavailable: something cannot be read or written; the log says what.
    """
    return _TRANSLATION


def _error_for(error: BaseException) -> RegistryError | None:
    if not isinstance(error, OSError):
        return None
    if error.errno in _FULL:
        return StorageFull()
    log.error("the storage fails: %s", error)
    return Unavailable("the storage cannot be used; the registry's log says why")


_TRANSLATION = Translation(_error_for)
