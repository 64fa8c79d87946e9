"""Writing what Distribution is to have: what is under way is over before it is given up."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lading.blobs import link_writer
from lading.blobs.hashing import RunningHash
from lading.blobs.layout import Layout
from lading.blobs.link_writer import LinkWriter
from lading.core.digest import Bytes, Digest

DATA = b"bytes of a blob"


async def test_who_gives_up_holds_the_file_until_the_disk_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else these bytes would go into whatever is opened next, by the same number."""
    writing, go_on, append = threading.Event(), threading.Event(), link_writer._append

    def slow(descriptor: int, running: RunningHash, piece: Bytes) -> None:
        writing.set()
        go_on.wait(60)
        append(descriptor, running, piece)

    async def pieces() -> AsyncIterator[Bytes]:
        yield DATA

    monkeypatch.setattr(link_writer, "_append", slow)
    put = LinkWriter(Layout(tmp_path)).put_bytes(Digest.of(DATA), pieces())
    given_up = asyncio.create_task(put)
    await asyncio.to_thread(writing.wait, 60)
    given_up.cancel()
    over, _ = await asyncio.wait([given_up], timeout=0.05)
    assert not over
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
