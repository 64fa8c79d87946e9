"""Every effect that a process has on its data, named and counted; and its death right after one.

Nothing here is told what the registry does: it watches the operating system's calls, the commits of
databases, and the methods of the ports. An effect that comes by another way ends the run. So a new
one is in the table, and tested, from the day on which it is written.
"""

import functools
import inspect
import os
import re
import sqlite3
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from lading.blobs.file_blobs import FileBlobs
from lading.blobs.file_locks import FileLocks
from lading.blobs.file_uploads import FileUploads
from lading.blobs.staged_file import StagedFile
from lading.databases.postgresql import transactions
from lading.databases.postgresql.connection import TimedConnection
from lading.databases.sqlite import connection
from lading.databases.sqlite.memory import MemoryDatabase
from lading.metadata.metadata import Metadata
from lading.ports.blobs import Blobs, Locks
from lading.ports.database import Work
from lading.ports.uploads import StagedUpload, Uploads

DEAD = 77
UNWATCHED = 78


def nouns_of(metadata: Metadata) -> list[object]:
    """Return what has calls that ask or change rows."""
    metadata.load()
    known = vars(metadata).items()
    return [metadata, *(each for name, each in known if name not in {"database", "attempts"})]


NOUNS = {type(noun): noun for noun in nouns_of(Metadata(MemoryDatabase()))}
ADAPTERS: dict[type, type] = {
    Blobs: FileBlobs,
    Uploads: FileUploads,
    Locks: FileLocks,
    StagedUpload: StagedFile,
}
# What Python reports when a file is changed, whichever function does it (docs.python.org,
# "Audit events table").
CHANGES = frozenset(
    {
        "os.chmod",
        "os.link",
        "os.mkdir",
        "os.remove",
        "os.removexattr",
        "os.rename",
        "os.rmdir",
        "os.setxattr",
        "os.symlink",
        "os.truncate",
        "os.utime",
        "shutil.copyfile",
        "shutil.move",
        "shutil.rmtree",
    }
)
# What names are shortened to, as the table is about any upload and any blob.
_NAMES = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}-[0-9a-f]{32}"), "<upload>"),
    (re.compile(r"sha(256|512):[0-9a-f]{64,128}"), "<digest>"),
    (re.compile(r"\b[0-9a-f]{64,128}\b"), "<hex>"),
    (re.compile(r"/[0-9a-f]{2}\b"), "/<2 hex>"),
    (re.compile(r"^docker/registry/v2/"), ""),
    (re.compile(r"^lading/"), ""),
    (re.compile(r"^uploads/[0-9a-f]{12}\b"), "uploads/<owner>"),
)


def methods(port: type) -> list[str]:
    """The names of a port's methods, or of a noun's calls."""
    if port in NOUNS:
        noun = NOUNS[port]
        called = inspect.getmembers(
            noun, lambda value: callable(value) and type(value) not in NOUNS
        )
        return [name for name, _ in called if name[0] != "_"]
    return [name for name, _ in inspect.getmembers(port, inspect.isfunction) if name[0] != "_"]


class Effects:
    """Watches this process from now on; it is not to do anything else afterwards.

    Attributes:
        seen: the effects so far.
        methods: of ports that were called, as `Links.find`.
        services: that were called, as `push_blob.start`.
    """

    def __init__(self, root: Path, die_after: int | None) -> None:
        self.seen: list[str] = []
        self.methods: set[str] = set()
        self.services: set[str] = set()
        self._root = root
        self._die_after = die_after
        self._method = "open"
        self._watched = threading.local()
        self._watch_ports()
        self._watch_database()
        self._watch_files()
        sys.addaudithook(self._audit)
        sys.setprofile(self._note_service)

    def happened(self, what: str) -> None:
        """An effect has been made; this may have been the last thing that the process does."""
        self.seen.append(f"{self._method}: {what}")
        if len(self.seen) == self._die_after:
            os._exit(DEAD)

    def _note_service(self, frame: FrameType, event: str, _: object) -> None:
        module = frame.f_globals.get("__name__", "")
        if event == "call" and module.startswith("lading.services."):
            self.services.add(f"{module.rpartition('.')[2]}.{frame.f_code.co_name}")

    def _watch_ports(self) -> None:
        for port, adapter in ADAPTERS.items():
            self._watch(adapter, port)
        make = Metadata.__init__

        def make_watched(metadata: Metadata, *args: Any, **kwargs: Any) -> None:
            make(metadata, *args, **kwargs)
            self.watch(metadata)

        Metadata.__init__ = make_watched  # type: ignore[assignment, method-assign]

    def watch(self, metadata: Metadata) -> None:
        """Watch the calls of nouns that were made before."""
        for noun in nouns_of(metadata):
            self._watch(noun, type(noun))

    def _watch(self, adapter: object, port: type) -> None:
        for name in methods(port):
            named = f"{port.__name__}.{name}"
            watched = self._named(named, getattr(adapter, name), is_noun=port in NOUNS)
            setattr(adapter, name, watched)

    def _named(self, name: str, function: Any, *, is_noun: bool) -> Any:
        if isinstance(function, property):
            return function

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            self.methods.add(name)
            self._method = name if is_noun else name.partition(".")[2]
            return function(*args, **kwargs)

        return call

    def _watch_database(self) -> None:
        happened = self.happened

        class Watched(connection.SqliteConnection):
            def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
                cursor = super().execute(sql, *args)
                if sql == "COMMIT":
                    happened("commit")
                elif sql == "PRAGMA journal_mode = WAL":
                    happened("make the database")
                return cursor

        connection.SqliteConnection = Watched  # type: ignore[misc]
        commit = transactions._commit

        def watched_commit(connection: TimedConnection) -> None:
            commit(connection)
            happened("commit")

        transactions._commit = watched_commit
        write_once = transactions.write_once

        def watched_write_once(connection: TimedConnection, work: Work[Any]) -> Any:
            result = write_once(connection, work)
            happened("commit")
            return result

        transactions.write_once = watched_write_once

    def _watch_files(self) -> None:
        descriptions: dict[str, Callable[..., str]] = {
            "open": self._describe_open,
            "ftruncate": lambda descriptor, _: f"cut {self._path_of(descriptor)}",
            "fsync": lambda descriptor: f"sync {self._path_of(descriptor)}",
            "pwrite": lambda descriptor, *_: f"write to {self._path_of(descriptor)}",
            "write": lambda descriptor, _: f"write to {self._path_of(descriptor)}",
            "mkdir": lambda path, *_, **__: f"make {self._name(path)}",
            "rmdir": lambda path, **__: f"remove {self._name(path)}",
            "unlink": lambda path, **__: f"delete {self._name(path)}",
            "remove": lambda path, **__: f"delete {self._name(path)}",
            "rename": self._describe_rename,
            "replace": self._describe_rename,
            "link": self._describe_link,
            "symlink": self._describe_link,
            "truncate": lambda path, _: f"cut {self._name(path)}",
            "fchmod": lambda descriptor, _: f"change the mode of {self._path_of(descriptor)}",
            "setxattr": lambda file, *_: f"note the hash of {self._name_of(file)}",
            "removexattr": lambda file, _: f"drop the note on {self._name_of(file)}",
            "utime": lambda file, _: f"note the time of {self._name_of(file)}",
        }
        for name, describe in descriptions.items():
            setattr(os, name, self._reported(getattr(os, name), describe))

    def _reported(self, function: Any, describe: Callable[..., str]) -> Any:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            what = describe(*args, **kwargs)
            self._watched.now = True
            try:
                result = function(*args, **kwargs)
            finally:
                self._watched.now = False
            if what and "<elsewhere>" not in what:
                self.happened(what)
            return result

        return call

    def _describe_open(self, path: Any, flags: int, *_: Any, **__: Any) -> str:
        made = flags & os.O_CREAT and not Path(path).exists()
        return f"make {self._name(path)}" if made else ""

    def _describe_rename(self, source: Any, target: Any, **_: Any) -> str:
        return f"rename {self._name(source)} to {self._name(target)}"

    def _describe_link(self, source: Any, target: Any, **_: Any) -> str:
        return f"link {self._name(source)} as {self._name(target)}"

    def _name_of(self, file: Any) -> str:
        return self._path_of(file) if isinstance(file, int) else self._name(file)

    def _path_of(self, descriptor: int) -> str:
        return self._name(Path(f"/proc/self/fd/{descriptor}").readlink())

    def _name(self, path: Any) -> str:
        try:
            name = Path(path).relative_to(self._root).as_posix()
        except (TypeError, ValueError):
            return "<elsewhere>"
        for pattern, short in _NAMES:
            name = pattern.sub(short, name)
        return name

    def _audit(self, event: str, args: tuple[Any, ...]) -> None:
        if getattr(self._watched, "now", False):
            return
        if event == "open":
            changes = isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        else:
            changes = event in CHANGES
        if changes and self._name(args[0]) != "<elsewhere>":
            print(f"an effect that nobody watches: {event} {args}", file=sys.stderr, flush=True)
            os._exit(UNWATCHED)
