"""Lines that are written off the event loop, and not lost."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lading.system import logfile
from lading.system.logfile import CAPACITY, LogFile


def lost(count: int) -> bytes:
    """The line about lost lines."""
    return b"lost %d\n" % count


async def test_every_line_is_there_after_a_clean_end(tmp_path: Path) -> None:
    """In the order in which they came."""
    path = tmp_path / "audit.jsonl"
    writing = LogFile(path, lost)
    lines = [b"line %d\n" % number for number in range(5000)]
    for line in lines:
        await writing.write(line)
    await writing.close()
    assert path.read_bytes() == b"".join(lines)
    assert path.stat().st_mode & 0o777 == 0o640


async def test_it_goes_on_where_others_have_written(tmp_path: Path) -> None:
    """A restart loses nothing of before."""
    path = tmp_path / "audit.jsonl"
    for line in (b"before\n", b"after\n"):
        writing = LogFile(path, lost)
        await writing.write(line)
        await writing.close()
    assert path.read_bytes() == b"before\nafter\n"


@pytest.mark.parametrize("gone", [Path.unlink, lambda path: path.rename(f"{path}.1")])
async def test_a_file_that_was_rotated_is_begun_anew(
    tmp_path: Path, gone: Callable[[Path], object]
) -> None:
    """Nobody has to send a signal."""
    path = tmp_path / "audit.jsonl"
    writing = LogFile(path, lost)
    await writing.write(b"before\n")
    await until_written(path, b"before\n")
    gone(path)
    await writing.write(b"after\n")
    await writing.close()
    assert path.read_bytes() == b"after\n"


async def until_written(path: Path, content: bytes) -> None:
    """Wait for the writer's thread."""
    async with asyncio.timeout(60):
        while path.read_bytes() != content:
            await asyncio.sleep(0.01)


def test_lines_of_many_processes_do_not_mix(tmp_path: Path) -> None:
    """Workers share the file."""
    path = tmp_path / "audit.jsonl"
    script = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from lading.system.logfile import LogFile\n"
        "async def main():\n"
        "    file = LogFile(Path(sys.argv[1]), bytes)\n"
        "    for number in range(2000):\n"
        "        await file.write(b'%s %d %s\\n' % (sys.argv[2].encode(), number, b'x' * 500))\n"
        "    await file.close()\n"
        "asyncio.run(main())\n"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", script, str(path), name]) for name in ("a", "b")
    ]
    assert [writer.wait() for writer in writers] == [0, 0]
    lines = [line.split() for line in path.read_text().splitlines()]
    assert {tuple(map(len, line[2:])) for line in lines} == {(500,)}
    for name in ("a", "b"):
        assert [int(line[1]) for line in lines if line[0] == name] == list(range(2000))


async def test_while_the_disk_cannot_follow_requests_wait_and_then_give_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is lost is counted in the file as soon as it can be written again."""
    monkeypatch.setattr(logfile, "PATIENCE", 0.1)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    dropped: list[int] = []
    writing = LogFile(pipe, lost, dropped.append)
    written = 0
    while not writing._lost:
        await writing.write(b"x" * 99 + b"\n")
        written += 1
        assert written < CAPACITY
    assert dropped == [1]
    os.set_blocking(reader, True)
    reading = asyncio.create_task(asyncio.to_thread(read_all, reader))
    await writing.close()
    lines = (await reading).splitlines()
    assert lines.count(b"x" * 99) == written - 1
    assert lines.count(b"lost 1") == 1


def read_all(descriptor: int) -> bytes:
    """Read until nobody writes any more."""
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


def test_what_did_not_fit_is_written_once_there_is_room(tmp_path: Path) -> None:
    """A line that was torn is ended, and comes again whole."""
    path = tmp_path / "audit.jsonl"
    script = (
        "import asyncio, logging, resource, sys\n"
        "from pathlib import Path\n"
        "from lading.system.logfile import LogFile\n"
        "failed = []\n"
        "class Failures(logging.StreamHandler):\n"
        "    def emit(self, record):\n"
        "        super().emit(record)\n"
        "        failed.append(record)\n"
        "logging.basicConfig(handlers=[Failures()])\n"
        "def limit(size):\n"
        "    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))\n"
        "async def main():\n"
        "    limit(1050)\n"
        "    file = LogFile(Path(sys.argv[1]), bytes)\n"
        "    for number in range(100):\n"
        "        await file.write(b'%099d\\n' % number)\n"
        "    while not failed:\n"
        "        await asyncio.sleep(0.01)\n"
        "    limit(resource.RLIM_INFINITY)\n"
        "    while file._in_hand:\n"
        "        await asyncio.sleep(0.01)\n"
        "    await file.close()\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True
    )
    lines = path.read_bytes().splitlines()
    assert [line for line in lines if len(line) == 99] == [b"%099d" % n for n in range(100)]
    assert [len(line) for line in lines if len(line) != 99] == [50]
    assert f"cannot write to {path}: [Errno 27] File too large" in done.stderr


def test_a_file_that_cannot_be_opened_is_an_error_at_once(tmp_path: Path) -> None:
    """Not when the first line is to be written."""
    with pytest.raises(OSError, match="No such file"):
        LogFile(tmp_path / "nowhere" / "audit.jsonl", lost)


def test_standard_output() -> None:
    """Containers have their logs collected there."""
    script = (
        "import asyncio\n"
        "from lading.system.logfile import LogFile\n"
        "async def main():\n"
        "    file = LogFile(1, bytes)\n"
        "    await file.write(b'{}\\n')\n"
        "    await file.close()\n"
        "    print('and others write there, too')\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout == b"{}\nand others write there, too\n"
