"""Log files: lines that are written off the event loop, and in no way hold it up.

Whoever has a line hands it over and goes on. A thread writes what has come together, in pieces that
keep the lines of many processes apart. What waits is bounded by its size: when there is no room
left, because the disk is full or the reader of a pipe stands still, lines are dropped and counted,
and as soon as something can be written again it says how many. A file that was moved away, as
`logrotate` does, is noticed, and a new one is begun.
"""

import asyncio
import errno
import logging
import os
import select
import stat
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from lading.system.threads import begin_thread

log = logging.getLogger(__name__)

# Bytes that wait to be written, or are being written: some 20,000 lines.
CAPACITY = 8 * 1024 * 1024
# Bytes that are written before it is looked for more.
BATCH = 64 * 1024
# Seconds that lines wait for room before they are dropped, and between two looks for it.
PATIENCE = 5.0
POLL = 0.02
# Seconds between attempts to write to what cannot be written.
RETRY = 1.0
# Seconds that the end of the program waits for what is left to be written.
PARTING = 2.0

STANDARD_OUTPUT = 1
STANDARD_ERROR = 2
_NAMES = {STANDARD_OUTPUT: "standard output", STANDARD_ERROR: "standard error"}


class LogFile:
    """A log file: a file of lines, or an open descriptor, which may be a pipe.

    Args:
        target: the file's path, or the descriptor.
        lost: makes the line that tells how many were lost; empty if it tells that elsewhere.
        dropped: is told of lines that there is no room for, as soon as they are lost.
        opened: a descriptor of the file that is open already, as `open_lines` gives it; it stays
            its owner's, who may have forked this process.

    Raises:
        OSError: the file cannot be opened.
    """

    def __init__(
        self,
        target: Path | int,
        lost: Callable[[int], bytes],
        dropped: Callable[[int], None] = lambda _: None,
        opened: int | None = None,
    ) -> None:
        self._path = target if isinstance(target, Path) else None
        self._descriptor = _open(target, opened)
        self._name = str(target) if isinstance(target, Path) else _NAMES.get(target, str(target))
        self._lost_line = lost
        self._dropped = dropped
        self._lost = 0
        self._waiting: deque[bytes] = deque()
        self._in_hand = b""
        self._size = 0
        self._full_since: float | None = None
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def offer(self, lines: bytes) -> None:
        """Hand over whole lines, or drop them if there is no room.

        One of at most 4096 bytes stays whole whoever else writes there: "Writes of less than
        PIPE_BUF bytes must be atomic … On Linux, PIPE_BUF is 4096 bytes" (pipe(7)).
        """
        if not self._take_in(lines):
            self._drop(lines)

    async def write(self, lines: bytes) -> None:
        """Hand over whole lines, and wait for room if there is none, but not for long.

        The patience is that of all who wait: once it is spent, nobody is held up any more.
        """
        while not self._take_in(lines):
            if self._full_since is None:
                self._full_since = time.monotonic()
            if time.monotonic() - self._full_since > PATIENCE:
                self._drop(lines)
                return
            await asyncio.sleep(POLL)
        self._full_since = None

    async def close(self) -> None:
        """Write what is left, as far as that can be done soon, then let go of the file."""
        await asyncio.to_thread(self.finish, PARTING)

    def finish(self, seconds: float) -> None:
        """Close the log as `close` does, and block for no longer than `seconds`."""
        self._closing.set()
        with self._changed:
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(seconds)
            with self._changed:
                left = self._count_left()
            # Nobody would read it of standard error.
            if left and self._descriptor != STANDARD_ERROR:
                log.error("%d lines for %s are lost", left, self._name)
            if self._thread.is_alive():  # in the middle of a write, which ends with the program
                return
        if self._path is not None:
            os.close(self._descriptor)

    def _take_in(self, lines: bytes) -> bool:
        with self._changed:
            if self._size + len(lines) > CAPACITY:
                return False
            self._waiting.append(lines)
            self._size += len(lines)
            if self._thread is None:
                # No sooner: a process that forks ought to have no threads.
                with suppress(MemoryError):  # the next line tries again
                    self._thread = begin_thread(self._run, "log-file")
            self._changed.notify()
        return True

    def _drop(self, lines: bytes) -> None:
        count = lines.count(b"\n")
        with self._changed:
            self._lost += count
        self._dropped(count)

    def _count_left(self) -> int:
        unwritten = (self._in_hand, *self._waiting)
        return self._lost + sum(lines.count(b"\n") for lines in unwritten)

    def _run(self) -> None:
        while self._take_in_hand():
            if not self._write_out():
                return

    def _take_in_hand(self) -> bool:
        """Wait for lines; false if there will be none."""
        with self._changed:
            while not (self._waiting or self._lost or self._closing.is_set()):
                self._changed.wait()
            lines, size = [], 0
            while self._waiting and size < BATCH:
                lines.append(self._waiting.popleft())
                size += len(lines[-1])
            self._in_hand = b"".join(lines)
            lost = 0 if self._waiting else self._lost
            self._lost -= lost
        if lost:
            line = self._lost_line(lost)
            with self._changed:
                self._in_hand += line
                self._size += len(line)
        return bool(self._in_hand or lost)

    def _write_out(self) -> bool:
        """Write what is in hand, whatever it takes; false if the program ends before that."""
        failed = False
        while self._in_hand:
            try:
                self._renew()
                left = _left_over(self._in_hand, _write_some(self._descriptor, self._in_hand))
            except OSError as error:
                if not failed:
                    log.error("cannot write to %s: %s", self._name, error)  # noqa: TRY400
                failed = True
                if self._closing.is_set():
                    return False
                self._closing.wait(RETRY)
            else:
                with self._changed:
                    self._size += len(left) - len(self._in_hand)
                    self._in_hand = left
        if failed:
            log.info("writing to %s again", self._name)
        return True

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
            descriptor = open_lines(self._path)
            os.close(self._descriptor)
            self._descriptor = descriptor


def _write_some(descriptor: int, lines: bytes) -> int:
    """Write as much with one call as does not mix with what other processes write there."""
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        end = lines.rfind(b"\n", 0, select.PIPE_BUF) + 1 or lines.find(b"\n") + 1
        lines = lines[:end]
    return os.write(descriptor, lines)


def _left_over(lines: bytes, written: int) -> bytes:
    """The bytes that a call did not write; a line that it tore comes again, whole."""
    if written == 0 or lines[written - 1 : written] == b"\n":
        return lines[written:]
    return b"\n" + lines[lines.rfind(b"\n", 0, written) + 1 :]


def _open(target: Path | int, opened: int | None) -> int:
    if isinstance(target, int):
        return target
    return open_lines(target) if opened is None else os.dup(opened)


def open_lines(path: Path) -> int:
    """A descriptor of a log file, for its end; only the owner and the group read what is made.

    A FIFO that nobody reads is an error (ENXIO): without O_NONBLOCK, the call would wait for a
    reader (open(3p)).
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        descriptor = os.open(path, flags, 0o640)
    except OSError as error:
        if error.errno == errno.ENXIO:
            error.strerror = "no process reads this pipe"
        raise
    os.set_blocking(descriptor, True)
    return descriptor
