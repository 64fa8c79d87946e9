"""The data directory: what has to be so before a server or a command uses it.

Blobs that no database knows belong to somebody: to CNCF Distribution, whose layout they have, or to
a database that is lost. A registry that began beside them would be empty, and would take them for
garbage. So it begins there only if it is told to, and then keeps them.
"""

import logging
import stat
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from lading.blobs import distribution
from lading.blobs.layout import Layout
from lading.config.storage import FilesystemSection
from lading.core.command_lines import command_line
from lading.databases.sqlite.read_only import has_nothing, holds_bytes
from lading.services.registry import Registry
from lading.system import mounts

log = logging.getLogger(__name__)

# Blobs that are asked for.
PAGE = 500
# Repositories that are named.
MAX_NAMES = 3
# What to do is a list, as each is a decision.
_NEXT = "\n  - "
_RESTORE = "restore its backup: `lading restore-backup`"
_KEEP = (
    "begin with an empty registry beside these files, which are kept and not served:"
    " storage.filesystem.foreignblobs: keep (REGISTRY_STORAGE_FILESYSTEM_FOREIGNBLOBS=keep)"
)
_COPY = (
    "if they are of a registry with a database of its own, as GitLab's may be, copy its images to"
    " another directory while it runs: `lading cp --tags '*' OLD/REPOSITORY NEW/REPOSITORY`"
)
_WAY_IN = (
    (
        "take them over where they are, with all images, tags and their history:"
        " `{adopt}` (`--dry-run` says what it would do)"
    ),
    (
        "have the server do that when it starts: storage.filesystem.foreignblobs: adopt"
        " (REGISTRY_STORAGE_FILESYSTEM_FOREIGNBLOBS=adopt)"
    ),
    f"if they were this registry's, {_RESTORE}",
)
_WAS_ADOPTED = (
    f"as they were taken over before, and are older than the registry that is lost, {_RESTORE}",
    "take them over once more, without what was pushed since: remove {note}",
)


class DataUnusable(Exception):
    """Data that cannot be used; the message says why and what to do. Nothing was changed."""


class ForeignData(DataUnusable):
    """There are blobs of which no database here knows.

    Args:
        found: what there is, see `find_foreign`.
    """

    def __init__(self, found: str) -> None:
        super().__init__(f"{found}{_NEXT}{_KEEP}")


@dataclass(frozen=True, slots=True)
class Foreign:
    """Data that no database knows.

    Attributes:
        found: what there is, in words.
        can_be_adopted: whether it is CNCF Distribution's, and was not adopted before.
    """

    found: str
    can_be_adopted: bool = False


def find_foreign(root: Path, database: Path) -> Foreign | None:
    """Data that a database which begins now would not know; `None` if there is none.

    Args:
        root: of the blobs.
        database: its file, which may be missing.

    Raises:
        OSError: it cannot be read.
    """
    if not has_nothing(database):
        return None
    log = Path(f"{database}-wal")
    if not holds_bytes(database) and holds_bytes(log):
        return Foreign(
            f"{log} is the log of a database that is not there{_NEXT}put it back beside it"
            f"{_NEXT}{_RESTORE}"
        )
    return find_unknown(root, begun=database.exists())


def find_unknown(root: Path, *, begun: bool = True) -> Foreign | None:
    """Data that a database which is empty does not know; `None` if there is none.

    Args:
        root: of the blobs.
        begun: whether the database is there, so that a push may have begun.

    Raises:
        OSError: it cannot be read.
    """
    layout = Layout(root)
    if names := list(islice(distribution.repositories(layout), MAX_NAMES + 1)):
        was_adopted = distribution.find_note(layout) is not None
        found = _distribution(layout, names, was_adopted=was_adopted)
        return Foreign(found, can_be_adopted=not was_adopted)
    # What a push has left that was ended by a crash is known by its mark.
    marked = layout.marked() if begun else frozenset()
    if any(digest not in marked for digest in layout.digests()):
        return Foreign(
            f"there are blobs in {layout.blobs}, but the database that knows them is not there"
            f"{_NEXT}{_RESTORE}{_NEXT}{_COPY}"
        )
    return None


def begins_beside(foreign: Foreign | None, files: FilesystemSection) -> bool:
    """Whether a database that begins now has strangers beside it, which are kept.

    Raises:
        ForeignData: it must not begin, by the settings.
    """
    if foreign is None or (files.foreignblobs == "adopt" and foreign.can_be_adopted):
        return False
    if files.foreignblobs != "keep":
        raise ForeignData(foreign.found)
    distribution.remove_note(Layout(files.rootdirectory))
    return True


def is_read_only(root: Path, database: Path) -> bool:
    """Whether the data can only be served, as nothing can be written there."""
    return mounts.is_read_only(database.parent) or mounts.is_read_only(Path(Layout(root).blobs))


def require_one_file_system(root: Path) -> None:
    """Require that an upload becomes a blob by a rename.

    Raises:
        DataUnusable: uploads and blobs are on two file systems.
    """
    layout = Layout(root)
    blobs = Path(layout.blobs)
    # What is directly below an algorithm may be a disk of its own as well.
    places = [blobs, *sorted(blobs.glob("sha*")), *sorted(blobs.glob("sha*/*"))]
    split = mounts.elsewhere(Path(layout.uploads), places)
    if split is not None:
        raise DataUnusable(
            f"{layout.uploads} and {split} are on different file systems or mounts, and no upload"
            " could become a blob, which is a rename: mount one file system at the directory that"
            " holds both (storage.filesystem.rootdirectory), and move both there"
        )


async def require_blobs(registry: Registry, root: Path) -> None:
    """Require that the disk of the blobs is there: else each would be taken for lost.

    Raises:
        DataUnusable: there are none, nor their directories, though some are known.
    """
    known = await registry.metadata.inspection.list_blobs(after="", limit=PAGE)
    if any(not blob.lost for blob in known) and not any(Layout(root).shards()):
        raise DataUnusable(
            "the database knows blobs, and not one of them is there: mount their disk"
            " (docker/registry/v2/blobs), or copy them back; if they are lost for good,"
            " `lading verify --repair` writes that down, and the registry starts without them"
        )


def protect(database: Path) -> None:
    """Protect what is beside the blobs: nobody but its owner reads it. What fails is logged.

    Blobs stay as readable as the umask makes them: a proxy may send them. What others may write,
    `lading` keeps from them by the umask.
    """
    beside = (database.with_name(database.name + suffix) for suffix in ("", "-wal", "-shm"))
    for path, mode in ((database.parent, 0o700), *((path, 0o600) for path in beside)):
        try:
            if stat.S_IMODE(path.stat().st_mode) & ~mode:
                path.chmod(mode)
        except FileNotFoundError:
            continue
        except OSError as error:
            log.warning("others may read %s, as its mode cannot be set: %s", path, error.strerror)


def warn_of_old_names(root: Path) -> None:
    """Warn if another replica's renames are seen late: uploads become blobs by them."""
    if mounts.remembers_names(root):
        log.warning(
            "%s is on NFS, where this machine sees renames of other replicas late: mount it with"
            " lookupcache=none",
            root,
        )


def _distribution(layout: Layout, names: list[str], *, was_adopted: bool) -> str:
    more = ", …" if len(names) > MAX_NAMES else ""
    ways = _WAS_ADOPTED if was_adopted else _WAY_IN
    found = (
        f"{layout.repositories} has repositories of CNCF Distribution"
        f" ({', '.join(names[:MAX_NAMES])}{more}), and no database here knows them, so their images"
        " would not be served"
    )
    adopt = command_line("lading", "adopt", layout.root)
    said = [way.format(adopt=adopt, note=layout.adopted) for way in ways]
    return _NEXT.join([found, *said])
