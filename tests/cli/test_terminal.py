"""Commands in a real terminal: what a person sees, in windows of any width, and Ctrl-C."""

import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from lading.config.loading import load
from lading.services import lease
from lading.services.moving import export
from lading.testing import Registry
from lading.wiring.stores import open_registry
from tests.cli.conftest import ROOT, Ours
from tests.cli.scenes import COMMANDS, Scene
from tests.support.commands import run
from tests.support.lading import program
from tests.support.processes import wait_until

# What a person who waits should see is there within this time.
TIMEOUT = 40
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_ESCAPE = re.compile(r"\x1b\[[?0-9;]*[a-zA-Z]")
_HIDE, _SHOW = "\x1b[?25l", "\x1b[?25h"


def in_terminal(ours: Ours, *words: str, columns: int = 120, **env: str) -> tuple[str, int]:
    """What a command writes to a terminal, and its exit code."""
    environ = {"TERM": "xterm-256color", "LANG": "C.UTF-8", **ours.environ, **env}
    child = pexpect.spawn(
        program(),
        list(words),
        env=environ,
        dimensions=(24, columns),
        timeout=TIMEOUT,
        encoding="utf-8",
    )
    child.expect(pexpect.EOF)
    child.close()
    return child.before or "", child.exitstatus or 0


@pytest.fixture(scope="module")
def large() -> Iterator[Registry]:
    """A registry with an image that takes a moment."""
    with Registry() as registry:
        registry.push_image("large:1", files={f"f{number}": "x" * 400 for number in range(20_000)})
        yield registry


def test_a_table_has_headings_and_colours(ours: Ours) -> None:
    said, code = in_terminal(ours, "tags", "app")

    assert code == 0
    plain = _COLOUR.sub("", said)
    assert plain.split()[:4] == ["TAG", "SIZE", "SET", "DIGEST"]
    assert "1.10" in plain
    assert _COLOUR.search(said)


def test_who_wants_no_colours_gets_none(ours: Ours) -> None:
    said, _ = in_terminal(ours, "tags", "app", NO_COLOR="1")

    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", said)
    assert "1.10" in said


@pytest.mark.parametrize("words", ["tags app", "doctor http://127.0.0.1:9", "inspect app:1.0"])
def test_a_terminal_without_colours_gets_no_escape(ours: Ours, words: str) -> None:
    said, _ = in_terminal(ours, *words.split(), TERM="dumb")

    assert said
    assert "\x1b" not in said


def test_a_pipe_gets_neither_headings_nor_colours(ours: Ours) -> None:
    """Lines whose columns end with tabs."""
    said = run([program(), "tags", "app"], env={**ours.environ, "TERM": "xterm"}).stdout.decode()

    assert "\x1b" not in said
    assert [line.split("\t")[0] for line in said.splitlines()] == ["1.0", "1.1", "1.10"]


@pytest.mark.parametrize("columns", [80, 50])
def test_a_narrow_window_cuts_digests_off_and_breaks_no_row(ours: Ours, columns: int) -> None:
    """Half a digest in each of several lines is of no use; what is cut off ends with `…`."""
    said, _ = in_terminal(ours, "tags", "app", columns=columns)
    digest = ours.json("inspect", "app:1.0")["digest"]

    lines = [_COLOUR.sub("", line).rstrip() for line in said.splitlines()]
    assert all(len(line) <= columns for line in lines)
    assert [line.split()[0] for line in lines] == ["TAG", "1.0", "1.1", "1.10"]
    shown = lines[1].split()[-1]
    assert shown.endswith("…")
    assert digest.startswith(shown[:-1])


LISTS = [
    *("ls", "tags", "search", "du", "files", "diff"),
    *("trash ls", "history", "token ls", "user ls"),
]


@pytest.mark.parametrize("command", LISTS)
def test_lists_fit_a_window_of_80_columns(
    command: str, ours: Ours, theirs: Registry, tmp_path: Path
) -> None:
    """Each line, but for what cannot be broken and is copied, as a name with a whole digest."""
    words = COMMANDS[command](Scene(ours, theirs, tmp_path))

    said, _ = in_terminal(ours, *command.split(), *map(str, words), columns=80)

    lines = [_ESCAPE.sub("", line).strip() for line in said.splitlines()]
    assert lines
    assert [line for line in lines if len(line) > 80 and " " in line] == []


@pytest.mark.parametrize("columns", [80, 50])
@pytest.mark.parametrize("command", ["inspect", "tree", "cp"])
def test_no_line_of_a_narrow_window_ends_within_a_digest(
    command: str, columns: int, ours: Ours, theirs: Registry, tmp_path: Path
) -> None:
    """What is cut off ends with `…`; the digest of the image that is looked at is whole."""
    words = COMMANDS[command](Scene(ours, theirs, tmp_path))

    said, code = in_terminal(ours, command, *map(str, words), columns=columns)

    lines = [_ESCAPE.sub("", line).strip() for line in said.splitlines()]
    with_digests = [line for line in lines if "sha256:" in line and " " in line]
    assert code == 0
    assert [line for line in with_digests if "…" not in line] == []
    if command == "inspect":
        assert ours.json("inspect", "app:1.0")["digest"] in lines


@pytest.mark.parametrize(("command", "said_first"), [("tag", "app:stable"), ("rm", "deleted app:")])
def test_a_digest_that_has_no_room_in_a_line_is_whole_in_the_next(
    command: str, said_first: str, ours: Ours, theirs: Registry, tmp_path: Path
) -> None:
    words = COMMANDS[command](Scene(ours, theirs, tmp_path))
    digest = ours.json("inspect", "app:1.0")["digest"]

    said, code = in_terminal(ours, command, *map(str, words), columns=80)

    lines = [line.strip() for line in said.splitlines()]
    assert code == 0
    assert lines[0].startswith(said_first)
    assert lines[1] == digest


def test_a_very_narrow_window_has_names_rather_than_all_columns(ours: Ours) -> None:
    said, _ = in_terminal(ours, "tags", "app", columns=40)

    lines = [_COLOUR.sub("", line).split() for line in said.splitlines()]
    assert lines[0] == ["TAG", "SIZE", "SET"]
    assert [line[0] for line in lines[1:]] == ["1.0", "1.1", "1.10"]


def test_a_long_name_is_one_line_that_can_be_copied(ours: Ours, large: Registry) -> None:
    """Where it goes on is for the terminal to say."""
    name = f"{'long/' * 10}name"
    large.push_image(f"{name}:1", files={"x": "y"})

    said, _ = in_terminal(ours, "search", f"{large.host}/{name}", columns=40)

    assert name in said


def test_a_wide_window_has_whole_digests(ours: Ours) -> None:
    said, _ = in_terminal(ours, "tags", "app", columns=120)

    assert ours.json("inspect", "app:1.0")["digest"] in said


def test_a_column_in_which_nothing_is_is_left_out(ours: Ours, large: Registry) -> None:
    """Another registry tells no times; programs find each column where it was."""
    said, _ = in_terminal(ours, "tags", f"{large.host}/large")
    piped = run([program(), "tags", f"{large.host}/large"], env=ours.environ).stdout.decode()

    assert _COLOUR.sub("", said).split()[:3] == ["TAG", "SIZE", "DIGEST"]
    assert len(piped.rstrip("\n").split("\t")) == 4


def test_progress_is_shown_to_who_waits(ours: Ours, large: Registry) -> None:
    """And is gone when the answer comes."""
    said, code = in_terminal(ours, "files", f"{large.host}/large:1", "f1")

    assert code == 0
    assert "layer 1" in said
    assert said.rstrip().splitlines()[-1].endswith("f1")


# Steps of commands that take long, as a person sees them.
STEPS = {
    "adopt": "Checking every tag to every byte",
    "backup": "Listing files",
    "cp": "all",
    "export": "Writing links",
    "garbage-collect": "Removing",
    "import": "Importing imported",
    "migrate": "Copying blobs",
    "verify": "Checking",
}


@pytest.mark.parametrize("command", STEPS)
def test_commands_that_take_long_show_how_far_they_are(
    command: str, ours: Ours, theirs: Registry, tmp_path: Path
) -> None:
    """In windows of any width, without colours for who wants none; the cursor comes back."""
    words = [
        word for word in COMMANDS[command](Scene(ours, theirs, tmp_path)) if word != "--dry-run"
    ]
    said, code = in_terminal(ours, command, *map(str, words), columns=60, NO_COLOR="1")

    assert code == (1 if command in {"import", "verify"} else 0), said
    assert STEPS[command] in said
    assert said.count(_HIDE) == said.count(_SHOW) >= 1
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", said)
    bars = [line for line in re.split(r"[\r\n]+", _ESCAPE.sub("", said)) if "━" in line]
    assert bars
    assert [line for line in bars if len(line) > 60] == []


def test_answers_go_where_they_are_sent_while_progress_goes_to_the_terminal(
    ours: Ours, tmp_path: Path
) -> None:
    digest = ours.json("inspect", "app:1.1")["digest"]
    ours.run("rm", f"app@{digest}")
    answer = tmp_path / "answer"
    script = f"{program()} garbage-collect > {answer}"
    environ = {"TERM": "xterm-256color", "LANG": "C.UTF-8", **ours.environ}
    child = pexpect.spawn("/bin/sh", ["-c", script], env=environ, timeout=TIMEOUT, encoding="utf-8")
    child.expect(pexpect.EOF)
    child.close()

    assert child.exitstatus == 0
    assert "Removing" in (child.before or "")
    assert "freed" not in (child.before or "")
    assert "1 manifest" in answer.read_text()
    assert "\x1b" not in answer.read_text()


def test_a_log_gets_a_line_for_each_step(ours: Ours, tmp_path: Path) -> None:
    done = run([program(), "export", tmp_path / "links"], env=ours.environ)

    assert done.stderr.decode() == "Writing links\n"


def _interrupt(child: "pexpect.spawn[str]") -> None:
    """Press Ctrl-C: the command says so, and ends with the code that shells give for it."""
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    assert "Interrupted" in (child.before or "")
    assert "Traceback" not in (child.before or "")


async def test_an_interrupt_ends_what_waits_for_another_process(ours: Ours) -> None:
    """Which does the same, and of which it is told."""
    settings = load(None, ours.environ).settings
    async with open_registry(settings) as registry, lease.claim(registry, export.JOB, "another"):
        words = ["export", ours.environ[ROOT]]
        environ = {"TERM": "xterm", "LANG": "C.UTF-8", **ours.environ}
        child = pexpect.spawn(program(), words, env=environ, timeout=TIMEOUT, encoding="utf-8")
        child.expect("Waiting for another, which is exporting")
        _interrupt(child)


def test_an_interrupt_ends_a_command_with_its_code(ours: Ours) -> None:
    """While it waits for a registry that has not yet answered."""
    with Registry() as slow:
        slow.fail(times=99, status=503, on="manifest", retry_after=30)
        environ = {"TERM": "xterm", "LANG": "C.UTF-8", **ours.environ}
        words = ["inspect", f"{slow.host}/app:1"]
        child = pexpect.spawn(program(), words, env=environ, timeout=TIMEOUT, encoding="utf-8")
        wait_until(lambda: 503 in [event.status for event in slow.events], "the refusal")
        began = time.monotonic()
        _interrupt(child)
        assert time.monotonic() - began < TIMEOUT / 2


@pytest.mark.parametrize(
    ("key", "code", "said"),
    [("c", 130, "Interrupted"), ("d", 1, "standard input has ended")],
)
@pytest.mark.parametrize("words", ["login localhost:1", "login localhost:1 -u ci"])
def test_who_does_not_answer_ends_a_command_with_its_code(
    ours: Ours, words: str, key: str, code: int, said: str
) -> None:
    environ = {"TERM": "xterm", "LANG": "C.UTF-8", **ours.environ}
    child = pexpect.spawn(program(), words.split(), env=environ, timeout=TIMEOUT, encoding="utf-8")
    child.expect("Password: " if "-u" in words else "Username: ")
    child.delaybeforesend = 1.0
    child.sendcontrol(key)
    # What comes in the moment in which Python begins to wait is lost: a person presses it again.
    if child.expect([said, pexpect.TIMEOUT], timeout=TIMEOUT / 2):
        child.sendcontrol(key)
        child.expect(said)
    child.expect(pexpect.EOF)
    child.close()

    assert child.exitstatus == code


def test_a_bar_is_gone_when_a_file_is_printed(ours: Ours) -> None:
    shown, status = in_terminal(ours, "cat", "app:1.0", "etc/motd")

    assert status == 0
    assert shown.index(_HIDE) < shown.rindex(_SHOW) < shown.index("hello")


def test_a_file_that_ends_within_a_letter_is_printed_to_its_end(ours: Ours) -> None:
    with Registry() as registry:
        registry.push_image("app:1", files={"cut": b"h\xc3\xa9 h\xc3"})
        shown, status = in_terminal(ours, "cat", f"{registry.host}/app:1", "cut")

    assert status == 0
    assert shown.endswith("h\u00e9 h\\xc3")


def test_a_password_is_asked_for_and_not_shown(ours: Ours) -> None:
    with Registry(users={"ci": "secret"}) as registry:
        environ = {"TERM": "xterm", "LANG": "C.UTF-8", **ours.environ}
        words = ["login", registry.host]
        child = pexpect.spawn(program(), words, env=environ, timeout=TIMEOUT, encoding="utf-8")
        child.logfile_read = shown = _Shown()
        # With its last space: Python forgets what was typed before it writes that.
        child.expect("Username: ")
        child.sendline("ci")
        child.expect("Password: ")
        child.sendline("secret")
        child.expect(pexpect.EOF)
        child.close()

        assert child.exitstatus == 0
        assert "Logged in" in shown.seen
        assert "secret" not in shown.seen


class _Shown:
    """All that a terminal has shown."""

    def __init__(self) -> None:
        self.seen = ""

    def write(self, data: str) -> None:
        self.seen += data

    def flush(self) -> None:
        sys.stdout.flush()
