"""Small file systems of a test's own, real ones, that can be filled and broken."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.commands import require, require_root, run


@dataclass(frozen=True)
class Volume:
    """A file system that is mounted.

    Attributes:
        path: where.
    """

    path: Path

    @property
    def free(self) -> int:
        """Bytes that can still be written."""
        status = os.statvfs(self.path)
        return status.f_bavail * status.f_frsize

    def fill(self, leave: int = 0) -> None:
        """Write a file of somebody else's, until so many bytes are free."""
        descriptor = os.open(self._ballast, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            while (space := self.free - leave) > 0:
                os.write(descriptor, bytes(min(space, 1024 * 1024)))
        except OSError:  # that was the last byte
            pass
        finally:
            os.close(descriptor)

    def clear(self) -> None:
        """Delete that file."""
        self._ballast.unlink(missing_ok=True)

    def fail(self) -> None:
        """Have the kernel find an error on the disk: an ext4 is read-only from then on."""
        device = run(["findmnt", "--noheadings", "--output=SOURCE", self.path]).stdout.decode()
        trigger = Path("/sys/fs/ext4", Path(device.strip()).name, "trigger_fs_error")
        trigger.write_text("a test")

    def mend(self) -> None:
        """Check and repair an ext4 that failed, as after a restart of the machine."""
        run(["umount", self.path])
        run(["e2fsck", "-f", "-y", _image_of(self.path)], check=False)
        _mount_image(self.path)

    @property
    def _ballast(self) -> Path:
        return self.path / "ballast"


@contextmanager
def small_volume(
    kind: str, path: Path, *, size: int, inodes: int | None = None
) -> Iterator[Volume]:
    """Mount a file system for the length of a block.

    Args:
        kind: `tmpfs`, or `ext4` in a file.
        path: where; the directory is made.
        size: in bytes.
        inodes: how many files there can be.
    """
    require_root()
    require("mount", "umount")
    path.mkdir()
    if kind == "tmpfs":
        limit = "" if inodes is None else f",nr_inodes={inodes}"
        run(["mount", "-t", "tmpfs", "-o", f"size={size}{limit}", "none", path])
    else:
        image = _image_of(path)
        image.touch()
        os.truncate(image, size)
        require("mkfs.ext4")
        count = [] if inodes is None else ["-N", str(inodes)]
        run(["mkfs.ext4", "-q", "-m", "0", *count, image])
        _mount_image(path)
    try:
        yield Volume(path)
    finally:
        run(["umount", "--lazy", path])


@contextmanager
def read_only(path: Path) -> Iterator[None]:
    """Let nothing be written below a directory for the length of a block."""
    require_root()
    require("mount", "umount")
    run(["mount", "--bind", path, path])
    try:
        run(["mount", "-o", "remount,ro,bind", path])
        yield
    finally:
        run(["umount", "--lazy", path])


def _image_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.img")


def _mount_image(path: Path) -> None:
    run(["mount", "-o", "loop,errors=remount-ro", _image_of(path), path])
