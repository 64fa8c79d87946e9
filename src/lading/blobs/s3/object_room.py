"""The room of an object store: what all that is done there works with."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from lading.blobs.s3.object_store import ObjectStore
from lading.blobs.s3.object_writer import MEMORY
from lading.blobs.s3.waiting_files import WaitingRoom
from lading.ports.objects import ObjectRows, UploadRows
from lading.system.budget import Budget
from lading.system.threads import Threads

# Threads that hash what comes to an object store, and what is read of it.
HASHING = 2


@dataclass(frozen=True, slots=True)
class ObjectRoom:
    """The room of an object store, for one worker.

    Attributes:
        uploads, objects: the rows that say what is there.
        clock: the time, in seconds since the epoch.
        files: where bytes of uploads wait when the budget is spent.
        budget: of memory, for all uploads.
    """

    store: ObjectStore
    uploads: UploadRows
    objects: ObjectRows
    clock: Callable[[], float]
    files: WaitingRoom
    budget: Budget = field(default_factory=lambda: Budget(MEMORY))
    hashing: Threads = field(default_factory=lambda: Threads(HASHING, "hashing"))


def new_key() -> str:
    """The key of an object, which no other has or ever had.

    Servers that keep objects as files have as many in a directory as that is good at.
    """
    name = secrets.token_hex(16)
    return f"objects/{name[:2]}/{name[2:]}"
