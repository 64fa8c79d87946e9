"""The registry: what every verb needs, as the ports, the clock, and what the operator chose."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from lading.core.access import Principal
from lading.core.history import Change
from lading.core.immutability import ImmutableTags
from lading.core.manifest import DEFAULT_MAX_DESCRIPTORS
from lading.metadata.metadata import Metadata
from lading.ports.blobs import Blobs, Locks
from lading.ports.measures import UNMEASURED, Measures
from lading.ports.objects import Upkeep
from lading.ports.uploads import Uploads
from lading.system.room import ClientTurns
from lading.system.threads import Threads


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy: what the operator chose.

    Attributes:
        grace: seconds that a blob is safe after a client was told that it is there.
        trash: seconds that what was deleted can be restored, unless it is collected by hand.
        untagged: whether manifests that no tag leads to are collected, too.
        attachments: whether attachments of manifests that are gone go to the trash.
        upload_age: seconds after which an upload that makes no progress is given up; `None` if none
            ever is.
        uploads_kept: whether such uploads are only named, and kept.
        delete_enabled: whether clients may delete.
        children_required: whether an index is refused when a manifest it lists is missing.
        max_staged: uploads of one caller that may be unfinished; `None` for any number.
        max_staged_in_all: uploads of all callers that may be unfinished, about, before only callers
            with few may begin more; `None` for any number.
        sizes_required: whether a manifest is refused that says a wrong size of what it refers to.
        max_blob_size: bytes that a blob may have; `None` for any number.
        max_descriptors: blobs and manifests that a manifest may name.
        not_before: a time that is past for sure, in seconds since the epoch.
        immutable: the tags that cannot be moved or deleted once they are set.
    """

    grace: float = 24 * 3600.0
    trash: float = 7 * 24 * 3600.0
    untagged: bool = False
    attachments: bool = False
    upload_age: float | None = 7 * 24 * 3600.0
    uploads_kept: bool = False
    delete_enabled: bool = True
    children_required: bool = True
    max_staged: int | None = None
    max_staged_in_all: int | None = None
    sizes_required: bool = False
    max_blob_size: int | None = None
    max_descriptors: int = DEFAULT_MAX_DESCRIPTORS
    not_before: float = 0.0
    immutable: Sequence[ImmutableTags] = ()


class Note(Protocol):
    """A note of what was done without a request: by the server itself, or by a command."""

    def __call__(self, what: str, /, **details: str) -> None:
        """Note what was done."""


def forget(what: str, /, **details: str) -> None:
    """Note nothing."""


@dataclass(frozen=True, slots=True)
class Registry:
    """The registry: the parts that services work with. Time and randomness come from outside.

    Attributes:
        note: takes down what was done without a request.
        upkeep: of an object store, if the bytes are in one.
        measures: are told how much of it was done.
        reading: turns in which files of layers are read; each costs a process.
        sending: those in which large ones are, which last as long as their clients like: a browser
            saves two at once, and behind a proxy that is not named all clients are one.
        asked: set when somebody has asked for trees of layers, which are found in the background.
        parsing: a thread for large manifests: one at a time, as the largest ones become many times
            as many objects for a while.
    """

    metadata: Metadata
    blobs: Blobs
    uploads: Uploads
    locks: Locks
    clock: Callable[[], float]
    new_uuid: Callable[[], UUID]
    policy: Policy
    note: Note = forget
    upkeep: Upkeep | None = None
    measures: Measures = UNMEASURED
    reading: ClientTurns = field(default_factory=lambda: ClientTurns(2, each=1))
    sending: ClientTurns = field(default_factory=lambda: ClientTurns(4, each=2))
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    parsing: Threads = field(default_factory=lambda: Threads(1, "manifests"))

    def change_by(self, principal: Principal, *, address: str = "", request_id: str = "") -> Change:
        """A change that the principal makes now."""
        return Change(principal.name, self.clock(), address, request_id)
