"""Lines that are written off the event loop, and not lost.

A request hands over a line and goes on. A thread writes what has come together in one call, so that
the lines of many processes that share a file never mix. The queue is bounded: while the disk cannot
follow, requests wait a little for room; what is given up then is counted, and the file itself says
so. A file that was moved away, as `logrotate` does, is noticed, and a new one is begun.
"""

import asyncio
import logging
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from queue import Empty, Full, Queue

log = logging.getLogger(__name__)

# Lines that wait to be written, at about half a kilobyte each.
CAPACITY = 20_000
# Lines written at once.
BATCH = 500
# Seconds that a request waits for room, and between two looks for it.
PATIENCE = 5.0
POLL = 0.02
# Seconds between attempts to write to a file that cannot be written.
RETRY = 1.0
# Attempts, once the program is about to end.
LAST_ATTEMPTS = 3


class Journal:
    """A file of lines; or standard output, which may be a pipe.

    Args:
        path: of the file; `None` for standard output.
        lost: makes the line that tells how many were lost.

    Raises:
        OSError: the file cannot be opened.
    """

    def __init__(self, path: Path | None, lost: Callable[[int], bytes]) -> None:
        self._path = path
        self._lost_line = lost
        self._lost = 0
        self._lock = threading.Lock()
        self._queue: Queue[bytes | None] = Queue(CAPACITY)
        self._closing = threading.Event()
        self._descriptor = sys.stdout.fileno() if path is None else _open(path)
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    async def write(self, line: bytes) -> None:
        """Hand over a line of at most 4096 bytes, its end included.

        "Writes of less than PIPE_BUF bytes must be atomic … On Linux, PIPE_BUF is 4096 bytes"
        (pipe(7)), so that no line of another worker gets into the middle of it.
        """
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while not self._hand_over(line):
            if asyncio.get_running_loop().time() > deadline:
                with self._lock:
                    self._lost += 1
                return
            await asyncio.sleep(POLL)

    async def close(self) -> None:
        """Write what is left, then let go of the file."""
        self._closing.set()
        await asyncio.to_thread(self._queue.put, None)
        await asyncio.to_thread(self._thread.join)

    def _hand_over(self, line: bytes) -> bool:
        try:
            self._queue.put_nowait(line)
        except Full:
            return False
        return True

    def _run(self) -> None:
        ended = False
        while not ended:
            lines, ended = self._next_batch()
            self._write_out(lines)
        if self._path is not None:
            os.close(self._descriptor)

    def _next_batch(self) -> tuple[list[bytes], bool]:
        """Wait for a line, and take what else there is; and whether that was all for ever."""
        lines: list[bytes] = []
        line = self._queue.get()
        while line is not None:
            lines.append(line)
            if len(lines) == BATCH:
                return lines, False
            try:
                line = self._queue.get_nowait()
            except Empty:
                return lines, False
        return lines, True

    def _write_out(self, lines: list[bytes]) -> None:
        """Write lines, whatever it takes; while the program ends, not for ever."""
        attempts = 0
        while lines := lines + self._take_lost():
            try:
                self._renew()
                lines = self._append(lines)
            except OSError as error:
                attempts += 1
                if attempts == 1:
                    log.error("cannot write to %s: %s", self._name, error)  # noqa: TRY400
                if self._closing.wait(RETRY) and attempts > LAST_ATTEMPTS:
                    log.error("%d lines for %s are lost", len(lines), self._name)  # noqa: TRY400
                    return
        if attempts:
            log.info("writing to %s again", self._name)

    def _take_lost(self) -> list[bytes]:
        with self._lock:
            lost, self._lost = self._lost, 0
        return [self._lost_line(lost)] if lost else []

    def _append(self, lines: list[bytes]) -> list[bytes]:
        """Write lines with as few calls as may be; what a call did not write whole is left over.

        What it wrote of a line is ended, and the line is left over, so that none is torn for good.
        """
        if self._path is None:
            for line in lines:
                os.write(self._descriptor, line)
            return []
        written = os.write(self._descriptor, b"".join(lines))
        while lines and written >= len(lines[0]):
            written -= len(lines.pop(0))
        return [b"\n", *lines] if written else lines

    def _renew(self) -> None:
        """Begin a new file if the name is not the open file's any more."""
        if self._path is None:
            return
        opened = os.fstat(self._descriptor)
        try:
            named = self._path.stat()
        except FileNotFoundError:
            named = None
        if named is None or (named.st_dev, named.st_ino) != (opened.st_dev, opened.st_ino):
            descriptor = _open(self._path)
            os.close(self._descriptor)
            self._descriptor = descriptor

    @property
    def _name(self) -> str:
        return "standard output" if self._path is None else str(self._path)


def _open(path: Path) -> int:
    """Lines go to its end, wherever others have written; only the owner and the group read it."""
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
