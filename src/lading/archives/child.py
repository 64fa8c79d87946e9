"""The child process in which archives are read: `python -m lading.archives.child`.

It reads an archive from its standard input, and so dies with who feeds it. It takes the time that
nobody else wants, and no more memory and time than it allows itself: a mistake in a decompressor
that an archive makes use of costs this process, which has nothing but that archive.

Two things can be asked of it: `list SIZE`, which gives lines of JSON, each with some entries and
the last with a `ListingEnd`; and `content SIZE OFFSET LENGTH`, which gives the bytes of a file.
`SIZE` is that of the archive.
"""

import os
import resource
import sys
from collections.abc import Iterator

import msgspec

from lading.archives.limits import MOST_BYTES, MOST_ENTRIES, PIECE, CutOff, Limits, ListingEnd
from lading.archives.listing import content, entries
from lading.core.images.tar_header import TarInvalid
from lading.core.images.tree import Entry

MEMORY = 512 * 2**20
"""Bytes of addresses that it may have: the largest window of zstd and the interpreter fit in."""
CPU_SECONDS = 600
"""Seconds of work after which it is ended."""


def batches(pieces: Iterator[bytes], limits: Limits) -> Iterator[list[Entry] | ListingEnd]:
    """The entries of an archive, some at a time, and how that has ended."""
    batch: list[Entry] = []
    size, listed = 0, False
    try:
        for entry in entries(pieces, limits):
            batch.append(entry)
            # Each letter may take as many bytes in UTF-8, or twice as many in JSON.
            size += 100 + 4 * (len(entry.parent) + len(entry.name) + len(entry.link))
            if len(batch) == MOST_ENTRIES or size > MOST_BYTES:
                yield batch
                batch, size, listed = [], 0, True
        ending = ListingEnd()
    except (TarInvalid, CutOff) as error:
        is_something = bool(batch) or listed or isinstance(error, CutOff)
        ending = ListingEnd(cut_off=str(error)) if is_something else ListingEnd(failed=str(error))
    if batch:
        yield batch
    yield ending


def _restrict() -> None:
    os.nice(19)
    if hasattr(os, "SCHED_IDLE"):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _pieces() -> Iterator[bytes]:
    while piece := os.read(sys.stdin.fileno(), PIECE):
        yield piece


def main(arguments: list[str]) -> int:
    """Do what is asked; the status is not 0 if an archive cannot be read."""
    _restrict()
    what, size, *rest = arguments
    limits, output = Limits.of_layer(int(size)), sys.stdout.buffer
    try:
        if what == "list":
            for batch in batches(_pieces(), limits):
                output.write(msgspec.json.encode(batch) + b"\n")
        else:
            offset, length = map(int, rest)
            for piece in content(_pieces(), offset, length, limits):
                output.write(piece)
        output.flush()
    except BrokenPipeError:  # nobody wants it any more
        os.close(output.fileno())
    except (TarInvalid, CutOff):
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
