"""Names of processes: whose leases and changes are, and which leases are over at a start."""

import os
import socket

from lading.config.settings import Settings

# What a collection by hand holds its lease as.
COLLECTION = "lading garbage-collect"


def process_name(work: str) -> str:
    """The name of this process among all that hold leases or change something, for people."""
    return f"{_here(work)} process {os.getpid()}"


def server_name(settings: Settings) -> str:
    """The name of this worker among all that hold leases."""
    return process_name(_server_at(settings))


def is_over(holder: str, settings: Settings) -> bool:
    """Whether who holds a lease is gone when a server starts.

    That is a server of before at the same address, and a command on this machine, unless it runs.
    """
    if holder.startswith(_here(_server_at(settings))):
        return True
    return holder.startswith(_here(COLLECTION)) and not _runs(holder)


def _runs(holder: str) -> bool:
    """Whether there is a process of the number that a name ends with."""
    try:
        os.kill(int(holder.rpartition(" ")[2]), 0)
    except ProcessLookupError:
        return False
    except (ValueError, PermissionError):  # somebody else's
        return True
    return True


def _server_at(settings: Settings) -> str:
    return f"the server at {settings.http.addr}"


def _here(work: str) -> str:
    return f"{work} on {socket.gethostname()},"
