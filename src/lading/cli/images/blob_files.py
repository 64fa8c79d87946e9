"""Files of blobs: one is fetched whole, with a bar for who waits, and then read."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import BinaryIO, cast

from lading.cli.bars import byte_progress
from lading.cli.images.source import ImageSource, ReadDescriptor
from lading.core.digest import Bytes

# Bytes of a blob that stay in memory; larger ones become a file for the time being.
_IN_MEMORY = 16 * 1024 * 1024


@asynccontextmanager
async def opened(
    source: ImageSource, repository: str, blob: ReadDescriptor, what: str
) -> AsyncIterator[BinaryIO]:
    """The bytes of a blob, as a file for the length of a block.

    Args:
        what: it is, for a person who waits.

    Raises:
        BlobUnknown: the registry does not have it.
    """
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
        # No bar is left when the answer is printed, which would be in its line.
        with byte_progress(what, blob.size) as done:

            def write(piece: Bytes) -> None:
                file.write(piece)
                done(len(piece))

            await source.fetch(repository, blob.digest, write)
        file.seek(0)
        yield cast("BinaryIO", file)
