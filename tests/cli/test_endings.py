"""Ends of commands that nobody listens to, or that are told to end: codes as ever, no traceback."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

import lading
from lading.cli.exits import TERMINATED, run_to_end
from lading.testing import Registry
from tests.cli.conftest import Ours
from tests.support.commands import run
from tests.support.lading import program
from tests.support.processes import wait_until

# What ends is over within this time, and what hangs is not.
TIMEOUT = 60

# What says something on standard error beside its answer, or shows bars there on a terminal.
COMMANDS = [
    ("cat app:1.0 etc/motd", 0),
    ("inspect app:1.0", 0),
    ("du", 0),
    ("verify", 0),
    ("backup BACKUP", 0),
    ("garbage-collect --dry-run", 0),
    ("inspect nothing:1", 3),
    ("ls --nonsense", 2),
    ("cp oci:nowhere:a oci:elsewhere:a", 3),
]


def end(ours: Ours, words: str, streams: str, **env: str) -> tuple[int, str]:
    """How a command ends whose streams are redirected as a shell does, and what it answers."""
    shell = f"{program()} {words} {streams}"
    # Buffered as it is for people, of which tests of some machines are not.
    environ = {**os.environ, **ours.environ, "PYTHONUNBUFFERED": "", **env}
    done = run(["bash", "-c", shell], check=False, env=environ)
    assert b"Traceback" not in done.stdout + done.stderr, done.stderr
    return done.returncode, done.stdout.decode()


@pytest.mark.parametrize("streams", ["2>&-", "2>/dev/full", ">&-", ">&- 2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(("words", "code"), COMMANDS)
def test_a_command_does_what_it_does_though_nobody_is_told(
    ours: Ours, tmp_path: Path, words: str, code: int, streams: str
) -> None:
    """A log on a full disk costs no backup, and a script goes by codes."""
    words = words.replace("BACKUP", str(tmp_path / "backup"))

    status, answer = end(ours, words, streams)

    assert status == code
    if ">&-" not in streams.split() and words.startswith("cat"):
        assert answer == "hello\n"


@pytest.mark.parametrize("words", ["inspect {0}/app:1", "cp {0}/app:1 oci:copy:1"])
def test_an_interrupt_that_nobody_is_told_of_ends_with_its_code(tmp_path: Path, words: str) -> None:
    with Registry() as slow, Path("/dev/full").open("w") as full:
        slow.fail(times=99, status=503, on="manifest", retry_after=30)
        process = subprocess.Popen(
            [program(), *words.format(slow.host).split()],
            stdout=subprocess.DEVNULL,
            stderr=full,
            cwd=tmp_path,
            env={**os.environ, "PYTHONUNBUFFERED": ""},
        )
        wait_until(lambda: 503 in [event.status for event in slow.events], "the first answer")
        process.send_signal(signal.SIGINT)

        assert process.wait(TIMEOUT) == 130


def test_a_terminal_need_not_know_all_letters(ours: Ours) -> None:
    latin = {"PYTHONIOENCODING": "latin-1"}

    status, answer = end(ours, "doctor http://127.0.0.1:9", "", **latin)
    assert status == 1
    assert "\\u2717 connection" in answer


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
def test_programs_get_json_in_any_encoding(ours: Ours, tmp_path: Path, encoding: str) -> None:
    users = tmp_path / "users"
    users.write_text("zoë✓:$2b$05$abcdefghijklmnopqrstuu5s2v8aN8jmVvWPfl9Y1JZtnBYWwCX2e\n")

    _, answer = end(ours, f"user ls --file {users} --json", "", PYTHONIOENCODING=encoding)

    assert json.loads(answer)[0]["name"] == "zoë✓"


def test_a_process_that_is_told_to_end_gives_up_what_it_has() -> None:
    """Its leases, of which the next one would have to wait for the end."""
    given_up = []

    async def work() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(60)
        finally:
            given_up.append("lease")

    with pytest.raises(click.exceptions.Exit) as caught:
        run_to_end(work)

    assert caught.value.exit_code == TERMINATED
    assert given_up == ["lease"]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_process_that_is_told_to_end_waits_for_no_thread_that_hangs(tmp_path: Path) -> None:
    """As in a read of a disk that is gone, which nothing ends."""
    script = tmp_path / "hangs.py"
    script.write_text(
        "import asyncio, os, signal, time\n"
        "from lading.cli import exits\n"
        "exits.MOST_SECONDS = 0.5\n"
        "async def work():\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    await asyncio.to_thread(time.sleep, 1000)\n"
        "exits.run_to_end(work)\n"
    )

    done = run([sys.executable, script], check=False, timeout=TIMEOUT)

    assert done.returncode == TERMINATED
    assert b"as a crash leaves it" in done.stderr


# A person who presses Ctrl-C while Python loads something.
INTERRUPTS = """
import sys
class Interrupts:
    def find_spec(self, name, *_):
        if name == {!r}:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupts())
sys.argv = ["lading", "cp", "oci:a", "oci:b"]
from lading.cli.main import main
main()
"""


@pytest.mark.parametrize(
    ("module", "says"),
    [("click", ""), ("lading.cli.commands", ""), ("lading.cli.cp", "Interrupted\n")],
)
def test_who_interrupts_a_command_as_it_starts_reads_no_traceback(module: str, says: str) -> None:
    done = run([sys.executable, "-c", INTERRUPTS.format(module)], check=False)

    assert (done.returncode, done.stderr.decode()) == (130, says)


INTERRUPTED_ONCE = """
import sys
class Interrupts:
    was_here = False
    def find_spec(self, name, *_):
        if name == {!r} and not self.was_here:
            self.was_here = True
            raise KeyboardInterrupt
# Who counts lines has loaded them already.
for name in [name for name in sys.modules if name.startswith(("asyncio", "sqlite3"))]:
    del sys.modules[name]
sys.meta_path.insert(0, Interrupts())
from lading.cli.main import main
main()
"""


@pytest.mark.parametrize("module", ["asyncio.futures", "asyncio.exceptions", "sqlite3.dbapi2"])
@pytest.mark.parametrize("words", ["migrate --to NEW", "verify", "backup DEST", "trash ls", "du"])
def test_what_an_interruption_leaves_half_loaded_is_no_failure(
    ours: Ours, tmp_path: Path, module: str, words: str
) -> None:
    """What catches errors of a module asks for that, and so for what it loads, once more."""
    new = tmp_path / "new.yml"
    new.write_text("version: 0.1\n")
    words = words.replace("NEW", str(new)).replace("DEST", str(tmp_path / "backup"))
    command = [sys.executable, "-c", INTERRUPTED_ONCE.format(module), *words.split()]

    done = run(command, check=False, env=ours.environ)

    assert (done.returncode, done.stderr.decode()) == (130, "Interrupted\n")


LOADED = """
import sys
before = set(sys.modules)
sys.path.insert(0, sys.argv[1])
import lading.cli.main
print(*sorted(set(sys.modules) - before))
"""


def test_nothing_is_loaded_before_somebody_listens_for_ctrl_c() -> None:
    """Python itself, alone, would answer by a traceback."""
    source = Path(lading.__file__).parents[1]
    done = run([sys.executable, "-I", "-S", "-c", LOADED, source])

    assert done.stdout.decode().split() == ["lading", "lading.cli", "lading.cli.main"]


ENDS = """
import atexit, sys, threading, time
from lading.cli.main import main
atexit.register(print, "at the end")
threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
def last(): time.sleep(0.5); print("waited for")
if sys.argv[1] == "waits": threading.Thread(target=last).start()
sys.argv = ["lading", "--version"]
main()
"""


@pytest.mark.parametrize(
    ("how", "says"), [("waits", ["waited for", "at the end"]), ("ends", ["at the end"])]
)
def test_a_command_ends_when_all_is_done_that_others_wait_for(how: str, says: list[str]) -> None:
    done = run([sys.executable, "-c", ENDS, how], env={"PYTHONUNBUFFERED": ""})

    assert done.stdout.decode().splitlines()[1:] == says
