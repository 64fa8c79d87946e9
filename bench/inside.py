"""`python -m bench.inside`: what it costs to look into layers whose author means harm.

Each layer is given to the process that lists it, as a server starts that one; its time and the most
memory it ever had are the kernel's word. Then a server is asked for the files of a million entries,
and pulls are measured meanwhile. The tables are in docs/decisions/0031-what-is-in-layers.md.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import click
import msgspec

from bench.content import ACCEPT, Blob, image_of, push_image
from bench.http import Connection
from bench.machine import describe
from bench.registries import find
from bench.running import Running, running
from bench.tally import quantile
from lading.archives.limits import ListingEnd
from lading.core.images.tree import Entry

BLOCK = 512
MILLION = 1_000_000
# Bytes of zeros that are compressed at once, and in a block of zstd that repeats one.
PIECE, REPEATED = 2**20, 128 * 1024
REPOSITORY = "inside/many"
# The kernel counts for a program what was there before it in its process.
_MEASURED = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss, file=sys.stderr)
"""
_decoder = msgspec.json.Decoder(list[Entry] | ListingEnd)


class Cost(NamedTuple):
    """What it took to list a layer.

    Attributes:
        size: of the layer, in bytes.
        seconds: of the processor.
        memory: the most that the process had, in bytes.
        ending: why it has ended.
    """

    size: int
    entries: int
    seconds: float
    memory: int
    ending: str


def header(name: bytes, size: int = 0, type_: bytes = b"0") -> bytes:
    """A header of a member, as ustar has it."""
    block = bytearray(BLOCK)
    fields = {0: name, 100: b"0000644\x00", 124: b"%011o\x00" % size, 148: b" " * 8}
    for start, field in {**fields, 156: type_, 257: b"ustar\x0000"}.items():
        block[start : start + len(field)] = field
    block[148:156] = b"%06o\x00 " % sum(block)
    return bytes(block)


def many() -> Iterator[bytes]:
    """More members than are listed, each with a name of its own and nothing in it."""
    block = header(b"0000000")
    rest = sum(block) - sum(block[:7]) - sum(block[148:156]) + 8 * ord(" ")
    for number in range(MILLION + 1):
        name = b"%07d" % number
        yield name + block[7:148] + b"%06o\x00 " % (rest + sum(name)) + block[156:]


def deep() -> Iterator[bytes]:
    """Files, each in a hundred directories of its own, which the archive leaves out."""
    for number in range(MILLION // 100 + 1):
        yield from _about(b"path=%d/%b" % (number, b"d/" * 98 + b"f"))


def records() -> Iterator[bytes]:
    """Members with as many records as their headers may have, none of which means anything."""
    body = b"5 a=\n" * (2**20 // 5 - 200)
    for _ in range(20):
        yield header(b"pax", len(body), b"x") + body + bytes(-len(body) % BLOCK) + header(b"f")


def _about(record: bytes) -> Iterator[bytes]:
    rest = b" " + record + b"\n"
    length = len(rest) + 1
    while len(str(length)) + len(rest) != length:
        length = len(str(length)) + len(rest)
    body = str(length).encode() + rest
    yield header(b"pax", len(body), b"x") + body + bytes(-len(body) % BLOCK) + header(b"f")


def zeros() -> Iterator[bytes]:
    """One file of a GiB of zeros."""
    yield header(b"zeros", 2**30)
    yield from (bytes(PIECE) for _ in range(2**30 // PIECE))


def by_gzip(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """As gzip has it: a thousandth is left of zeros."""
    packer = zlib.compressobj(wbits=31)
    for piece in pieces:
        yield packer.compress(piece)
    yield packer.flush()


def by_zstd_of_hand(count: int) -> Iterator[bytes]:
    """A file of zeros in blocks of zstd that repeat one byte (RFC 8878, 3.1.1.2)."""
    magic, descriptor, window = b"\x28\xb5\x2f\xfd", b"\x00", b"\x38"  # of 128 KiB
    head = header(b"zeros", count * REPEATED)
    yield magic + descriptor + window + _block(len(head), 0) + head
    repeated = _block(REPEATED, 1) + b"\x00"
    yield repeated * (count - 1)
    yield _block(REPEATED, 1, is_last=True) + b"\x00"


def _block(size: int, kind: int, *, is_last: bool = False) -> bytes:
    return (size << 3 | kind << 1 | is_last).to_bytes(3, "little")


LAYERS: Mapping[str, Callable[[], Iterator[bytes]]] = {
    "a million and one entries": lambda: by_gzip(many()),
    "a million directories, of 10,000 files": lambda: by_gzip(deep()),
    "20 headers of a MiB, of 200,000 records each": lambda: by_gzip(records()),
    "zeros by gzip, 1,000 : 1": lambda: by_gzip(zeros()),
    "zeros by zstd, 32,000 : 1": lambda: by_zstd_of_hand(2**19),
}


@click.command()
@click.option("--serve/--no-serve", default=True, help="Ask a server for the million, too.")
def main(*, serve: bool) -> None:
    """Measure each layer."""
    click.echo(f"{describe()}; load {os.getloadavg()[0]:.1f}")
    click.echo("| layer | its bytes | entries | processor | memory | ended by |")
    click.echo("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="lading-bench-") as directory:
        for what, pieces in LAYERS.items():
            path = Path(directory, "layer")
            with path.open("wb") as file:
                file.writelines(pieces())
            cost = _list(path)
            click.echo(
                f"| {what} | {cost.size:,} | {cost.entries:,} | {cost.seconds:.1f} s"
                f" | {cost.memory / 2**20:.0f} MiB | {cost.ending or 'its end'} |"
            )
        if serve:
            click.echo(_serve(Path(directory)))


def _list(path: Path) -> Cost:
    """List a layer in a process as a server starts it."""
    size = path.stat().st_size
    command = [sys.executable, "-m", "lading.archives.child", "list", str(size)]
    measured = [sys.executable, "-c", _MEASURED, *command]
    pipe = subprocess.PIPE
    with path.open("rb") as layer:
        process = subprocess.Popen(measured, stdin=layer, stdout=pipe, stderr=pipe)
    assert process.stdout is not None
    assert process.stderr is not None
    entries, ending = 0, ""
    for line in process.stdout:
        batch = _decoder.decode(line)
        if isinstance(batch, ListingEnd):
            ending = batch.cut_off or batch.failed
        else:
            entries += len(batch)
    seconds, memory = process.stderr.read().split()
    process.wait()
    return Cost(size, entries, float(seconds), int(memory) * 1024, ending)


def _serve(directory: Path) -> str:
    """Have a server find a million entries; pulls alone and meanwhile, and what it all takes."""
    layer = Blob.of(b"".join(by_gzip(many())))
    with running(find("lading"), directory) as registry:
        with registry.connect() as connection:
            push_image(connection, REPOSITORY, "latest", image_of([layer]))
        alone = _pulls(registry, lambda: False, at_most=5.0)
        found = threading.Event()
        seconds = list[float]()
        looking = threading.Thread(target=_look, args=(registry, found, seconds))
        looking.start()
        beside = _pulls(registry, found.is_set, at_most=600.0)
        looking.join()
        database = sum(file.stat().st_size for file in registry.data.rglob("metadata.sqlite3*"))
    p99s = [quantile(each, 0.99) * 1e3 for each in (alone, beside)]
    return (
        f"a server has found them after {seconds[0]:.0f} s, its database has {database:,} bytes;"
        f" p99 of pulls {p99s[0]:.1f} ms before, {p99s[1]:.1f} ms meanwhile"
    )


def _look(registry: Running, found: threading.Event, seconds: list[float]) -> None:
    """Look at the files until they are known."""
    started = time.perf_counter()
    with Connection(registry.port, {"Accept": "text/html"}) as connection:
        head = connection.request("HEAD", f"/v2/{REPOSITORY}/manifests/latest", headers=ACCEPT)
        path = f"/r/{REPOSITORY}/-/images/{head.headers['docker-content-digest']}/layers/1/files"
        while "refresh" in connection.request("GET", path).expect(200).headers:
            time.sleep(0.5)
    seconds.append(time.perf_counter() - started)
    found.set()


def _pulls(registry: Running, is_over: Callable[[], bool], *, at_most: float) -> list[float]:
    """Pull a manifest every few milliseconds; the seconds that each took."""
    took, until = list[float](), time.perf_counter() + at_most
    with registry.connect() as connection:
        while time.perf_counter() < until and not is_over():
            started = time.perf_counter()
            path = f"/v2/{REPOSITORY}/manifests/latest"
            connection.request("GET", path, headers=ACCEPT).expect(200)
            took.append(time.perf_counter() - started)
            time.sleep(0.005)
    return took


if __name__ == "__main__":
    main()
