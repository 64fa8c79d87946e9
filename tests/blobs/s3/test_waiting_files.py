"""Files in which bytes wait for an object store."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lading.blobs.s3.waiting_files import DISK, WaitingFile, WaitingRoom


async def test_files_that_wait_use_no_thread_of_others(tmp_path: Path) -> None:
    """Hundreds may be given up at once, and to free a large one takes a while."""
    others = ThreadPoolExecutor(1)
    others.shutdown()
    asyncio.get_running_loop().set_default_executor(others)  # it takes no more work
    room = WaitingRoom(tmp_path)
    file = WaitingFile(room)
    assert await file.append([b"some ", b"bytes"])
    assert bytes(file.data()) == b"some bytes"
    file.close()
    room.thread.close()
    assert room.budget.has(DISK)
