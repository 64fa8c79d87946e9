"""The data directory, looked at before anything is made there.

Blobs that no database knows belong to somebody: to CNCF Distribution, whose layout they have, or to
a database that is lost. A registry that began beside them would be empty, and would take them for
garbage. So it begins there only if it is told to, and then keeps them.
"""

from itertools import islice
from pathlib import Path

from lading import mounts
from lading.blobs import distribution
from lading.blobs.layout import Layout
from lading.metadata.emptiness import has_nothing
from lading.metadata.reading import holds_bytes

# Repositories that are named.
MAX_NAMES = 3
_WAYS_OUT = (
    "restore its backup (`lading restore-backup`); or, to begin with an empty registry beside these"
    " files, which are kept and not served, set storage.filesystem.foreignblobs to `keep`"
    " (REGISTRY_STORAGE_FILESYSTEM_FOREIGNBLOBS=keep)"
)


class ForeignData(Exception):
    """There are blobs of which no database here knows.

    Args:
        found: what there is, see `find_foreign`.
    """

    def __init__(self, found: str) -> None:
        super().__init__(f"{found} {_WAYS_OUT}")


def find_foreign(root: Path, database: Path) -> str:
    """What there is that a database which begins now would not know; empty if nothing is.

    Args:
        root: of all data.
        database: its file, which may be missing.

    Raises:
        OSError: it cannot be read.
    """
    if not has_nothing(database):
        return ""
    layout = Layout(root)
    if names := list(islice(distribution.repositories(layout.repositories), MAX_NAMES + 1)):
        return _distribution(layout, names)
    log = Path(f"{database}-wal")
    if not holds_bytes(database) and holds_bytes(log):
        return f"{log} is the log of a database that is not there: put it back beside it, or"
    # What a push has left that was ended by a crash is known by its mark.
    marked = layout.marked() if database.exists() else frozenset()
    if any(digest not in marked for digest in layout.digests()):
        return f"there are blobs in {layout.blobs}, but the database that knows them is not there:"
    return ""


def is_read_only(root: Path, database: Path) -> bool:
    """Whether nothing can be written there, so that it can only be served."""
    return mounts.is_read_only(database.parent) or mounts.is_read_only(Path(Layout(root).blobs))


def _distribution(layout: Layout, names: list[str]) -> str:
    more = ", …" if len(names) > MAX_NAMES else ""
    return (
        f"{layout.repositories} has repositories of CNCF Distribution"
        f" ({', '.join(names[:MAX_NAMES])}{more}), and no database here knows them, so their images"
        " would not be served: to bring them over, give this registry a directory of its own and"
        " copy from the other one while both run (`skopeo sync`, `crane copy`); if it was this"
        " registry's,"
    )
