"""A real file system in a file, of which a test can cut the power."""

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.commands import require, require_root, run

# _IOR('X', 125, __u32) with EXT4_GOING_FLAGS_NOLOGFLUSH (linux/fs/ext4/ext4.h): from now on nothing
# is written, not even the journal; what fsync has not brought to the disk by then is lost.
_SHUTDOWN = (2 << 30) | (4 << 16) | (ord("X") << 8) | 125
_WITHOUT_FLUSH = 2


@dataclass(frozen=True)
class PoweredVolume:
    """A file system, ext4, whose power can be cut.

    Attributes:
        image: the file that it is in.
        path: where it is mounted.
    """

    image: Path
    path: Path

    def cut_power(self) -> None:
        """Lose what is not on the disk; every later access fails until `restore_power`."""
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, _SHUTDOWN, struct.pack("I", _WITHOUT_FLUSH))
        finally:
            os.close(descriptor)

    def restore_power(self) -> None:
        """Mount what is on the disk, as a machine does that starts again."""
        run(["umount", self.path])
        run(["mount", "-o", "loop", self.image, self.path])


@contextmanager
def powered_volume(directory: Path, *, megabytes: int) -> Iterator[PoweredVolume]:
    """Make and mount a file system for the length of the block."""
    require_root()
    require("mkfs.ext4", "mount", "umount")
    made = PoweredVolume(directory / "volume.img", directory / "volume")
    with made.image.open("wb") as file:
        file.truncate(megabytes * 1024**2)
    run(["mkfs.ext4", "-q", made.image])
    made.path.mkdir()
    run(["mount", "-o", "loop", made.image, made.path])
    try:
        yield made
    finally:
        run(["umount", made.path])
