"""Files of an image: its layers are read, and put one on the other."""

import hashlib
import platform as machine
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import BinaryIO

import click

from lading.archives.decompress import decompress
from lading.archives.limits import PIECE, CutOff, Limits
from lading.archives.listing import content, entries
from lading.cli.exits import NothingFound
from lading.cli.images.documents import ManifestDocument, read_manifest
from lading.cli.images.file_tree import ImageFiles, PlacedEntry
from lading.cli.images.source import ImageRepository, ReadDescriptor, opened
from lading.cli.output import say
from lading.core.images.tar_header import TarInvalid
from lading.core.images.tree import Entry

# What machines call themselves, and what images call them.
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}
# What is said of attestations, which are for none.
_NONE = "unknown/unknown"


async def choose_image(
    repository: ImageRepository, reference: str, platform: str
) -> ManifestDocument:
    """The image that is meant: of an index the one of a platform, or else of this machine.

    Where there is none, or it is no image, the command ends.

    Args:
        platform: `linux/arm64`; empty for this machine's.
    """
    found = await repository.manifest(reference)
    document = read_manifest(found)
    if document.is_index:
        child = _of_platform(document.children, platform)
        document = read_manifest(await repository.manifest(child.digest))
    if not document.layers:
        raise click.ClickException(f"{repository.name}:{reference} has no layers")
    return document


def _of_platform(children: Sequence[ReadDescriptor], wanted: str) -> ReadDescriptor:
    platform = wanted or f"linux/{_ARCHITECTURES.get(machine.machine(), machine.machine())}"
    for child in children:
        if child.platform == platform or child.platform.startswith(f"{platform}/"):
            return child
    images = [child for child in children if child.platform != _NONE]
    if images and not wanted:
        there = images[0].platform or "a platform that is not said"
        say(f"there is no image for {platform}: this is the one for {there}", err=True)
        return images[0]
    if not images:
        raise NothingFound("the index names no image")
    there = ", ".join(child.platform or "unknown" for child in images)
    raise NothingFound(f"there is no image for {platform}; --platform is one of: {there}")


async def read_files(repository: ImageRepository, layers: Sequence[ReadDescriptor]) -> ImageFiles:
    """The files of all layers, one on the other."""
    files = ImageFiles()
    for number, layer in enumerate(layers):
        files.put(number, await read_layer(repository, layer, f"layer {number + 1}"))
    return files


async def read_layer(
    repository: ImageRepository, layer: ReadDescriptor, what: str
) -> Sequence[Entry]:
    """The entries of one layer, as they stand in it."""
    async with _pieces_of(repository, layer, what) as pieces:
        return list(entries(pieces, Limits.of_layer(layer.size)))


async def read_content(
    repository: ImageRepository, layer: ReadDescriptor, entry: Entry, to: BinaryIO
) -> None:
    """Write the bytes of a file."""
    async with _pieces_of(repository, layer, "layer") as pieces:
        for piece in content(pieces, entry.offset, entry.size, Limits.of_layer(layer.size)):
            to.write(piece)


async def hash_contents(
    repository: ImageRepository,
    layers: Sequence[ReadDescriptor],
    wanted: Sequence[PlacedEntry],
) -> Mapping[str, str]:
    """Hashes of files by their paths; each layer is read once."""
    found: dict[str, str] = {}
    for number in sorted({placed.layer for placed in wanted}):
        layer = layers[number]
        of_layer = sorted(
            (placed.entry for placed in wanted if placed.layer == number),
            key=lambda entry: entry.offset,
        )
        async with _pieces_of(repository, layer, "layer") as pieces:
            found |= _hash(pieces, of_layer, Limits.of_layer(layer.size))
    return found


def _hash(pieces: Iterator[bytes], wanted: Sequence[Entry], limits: Limits) -> dict[str, str]:
    """Hashes of files that follow each other in an archive."""
    hashing = [(entry, hashlib.sha256()) for entry in wanted]
    first, position = 0, 0
    for piece in decompress(pieces, limits):
        end = position + len(piece)
        while first < len(hashing) and hashing[first][0].offset + wanted[first].size <= position:
            first += 1
        for number in range(first, len(hashing)):
            entry, hasher = hashing[number]
            if entry.offset >= end:
                break
            start = max(entry.offset - position, 0)
            hasher.update(piece[start : max(entry.offset + entry.size - position, 0)])
        position = end
    return {entry.path: hasher.hexdigest() for entry, hasher in hashing}


@asynccontextmanager
async def _pieces_of(
    repository: ImageRepository, layer: ReadDescriptor, what: str
) -> AsyncIterator[Iterator[bytes]]:
    """The bytes of a layer for the length of a block; what is wrong with them ends the command."""
    async with opened(repository, layer, what) as file:
        try:
            yield iter(partial(file.read, PIECE), b"")
        except (CutOff, TarInvalid) as error:
            raise click.ClickException(f"{what}, {layer.digest}: {error}") from error
