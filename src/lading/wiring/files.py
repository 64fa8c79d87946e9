"""Files that the settings of a server name, opened once: its workers, which are forks, use them.

What a worker must open for itself is the data: neither a connection to a database nor a thread
survives a fork.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lading.config.settings import Settings
from lading.wiring.audit import opened_audit
from lading.wiring.authentication import AuthFiles, opened_auth_files


@dataclass(frozen=True, slots=True)
class ServerFiles:
    """Open files of a server.

    Attributes:
        auth: that logins rest on.
        audit: a descriptor of the audit log's; `None` if it has none.
    """

    auth: AuthFiles
    audit: int | None


@contextmanager
def opened_files(settings: Settings) -> Iterator[ServerFiles]:
    """The files that the settings of a server name, open for a block.

    Raises:
        AuthUnusable: a file that logins rest on cannot be used.
        AuditUnusable: the audit log cannot be written.
    """
    with opened_auth_files(settings.auth) as auth, opened_audit(settings) as audit:
        yield ServerFiles(auth, audit)
