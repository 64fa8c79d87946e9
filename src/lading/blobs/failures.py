"""What the file system says when it fails, in the registry's words."""

import errno
import logging
from contextlib import AbstractContextManager
from types import TracebackType

from lading.core.errors import RegistryError, StorageFull, Unavailable

log = logging.getLogger(__name__)

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def translated() -> AbstractContextManager[None]:
    """Turn failures of the file system into errors that a client can be told.

    Raises:
        StorageFull: there is no space left, or the quota is used up.
        Unavailable: something cannot be read or written; the log says what.
    """
    return _TRANSLATION


class _Translation:
    """Not a generator: a push of a blob enters a dozen of these."""

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, OSError):
            raise _translate(error) from error


_TRANSLATION = _Translation()


def _translate(error: OSError) -> RegistryError:
    if error.errno in _FULL:
        return StorageFull()
    log.error("the storage fails: %s", error)
    return Unavailable("the storage cannot be used; the registry's log says why")
