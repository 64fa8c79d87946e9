"""Mounts: what the file systems of the data allow, as the kernel tells it (proc(5))."""

import os
from collections.abc import Iterable, Set
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

# File systems that other machines may write to at the same time, by their names in mountinfo.
_OF_KERNEL = {
    "9p",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "gfs2",
    "lustre",
    "nfs",
    "nfs4",
    "ocfs2",
    "smb3",
}
_OF_FUSE = {"ceph", "glusterfs", "juicefs", "rclone", "s3fs", "sshfs"}
NETWORK = frozenset(_OF_KERNEL | {f"fuse.{name}" for name in _OF_FUSE})


class _Mount(NamedTuple):
    """A mount: the kind of its file system, and the options of that; empty if it cannot be told."""

    kind: str
    options: Set[str]


def is_read_only(path: Path) -> bool:
    """Whether nothing can be written where a path is, or would be."""
    return bool(os.statvfs(_nearest(path)).f_flag & os.ST_RDONLY)


def elsewhere(one: Path, others: Iterable[Path]) -> Path | None:
    """The first of some paths that is in another mount than one is, or would be; `None` if none is.

    "rename() does not work across different mount points, even if the same filesystem is mounted on
    both" (rename(2)).
    """
    place = _place(one)
    return next((other for other in others if _place(other) != place), None)


def network_kind(path: Path) -> str:
    """The kind of the network file system where a path is, or would be; empty for all others."""
    kind = _mount(path).kind
    return kind if kind in NETWORK else ""


def remembers_names(path: Path) -> bool:
    """Whether names are remembered where a path is, or would be, that another machine has changed.

    NFS does for up to a minute, unless it is mounted with `lookupcache=none` (nfs(5)).
    """
    mount = _mount(path)
    return mount.kind in {"nfs", "nfs4"} and "lookupcache=none" not in mount.options


def _nearest(path: Path) -> Path:
    """The nearest path that is there: this one, or one above it."""
    return next(each for each in (path, *path.absolute().parents) if each.exists())


def _place(path: Path) -> tuple[str, int]:
    """The mount that a path is in, or would be, and its file system."""
    there = _nearest(path)
    return _mount_id(there), there.stat().st_dev


def _mount_id(path: Path) -> str:
    """The id of the mount that a path is in; empty if that cannot be told."""
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        with suppress(OSError):
            for line in Path(f"/proc/self/fdinfo/{descriptor}").read_text().splitlines():
                name, _, value = line.partition(":")
                if name == "mnt_id":
                    return value.strip()
    finally:
        os.close(descriptor)
    return ""


def _mount(path: Path) -> _Mount:
    mount_id = _mount_id(_nearest(path))
    with suppress(OSError):
        for line in Path("/proc/self/mountinfo").read_text(errors="replace").splitlines():
            mount, _, filesystem = line.partition(" - ")
            if mount.split(" ", 1)[0] == mount_id:
                kind, _, options = filesystem.split(" ", 2)
                return _Mount(kind, frozenset(options.split(",")))
    return _Mount("", frozenset())
