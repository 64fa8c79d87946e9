"""Commands in a real terminal: what a person sees, in windows of any width, and Ctrl-C."""

import re
import sys
import time
from collections.abc import Iterator

import pexpect
import pytest

from lading.testing import Registry
from tests.cli.conftest import Ours
from tests.support.commands import run
from tests.support.lading import program

# What a person who waits should see is there within this time.
TIMEOUT = 40
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


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


def test_a_pipe_gets_neither_headings_nor_colours(ours: Ours) -> None:
    """Lines whose columns end with tabs."""
    said = run([program(), "tags", "app"], env={**ours.environ, "TERM": "xterm"}).stdout.decode()

    assert "\x1b" not in said
    assert [line.split("\t")[0] for line in said.splitlines()] == ["1.0", "1.1", "1.10"]


def test_a_narrow_window_loses_nothing(ours: Ours) -> None:
    """Columns are folded: a digest goes on in the next line."""
    said, _ = in_terminal(ours, "tags", "app", "--server", "", columns=50)
    digest = ours.json("inspect", "app:1.0")["digest"]

    lines = [_COLOUR.sub("", line) for line in said.splitlines()]
    assert all(len(line) <= 50 for line in lines)
    folded = "".join(line.split()[-1] for line in lines if line.split())
    assert digest[-8:] in folded


def test_progress_is_shown_to_who_waits(ours: Ours, large: Registry) -> None:
    """And is gone when the answer comes."""
    said, code = in_terminal(ours, "files", f"{large.host}/large:1", "f1")

    assert code == 0
    assert "layer 1" in said
    assert said.rstrip().splitlines()[-1].endswith("f1")


def test_an_interrupt_ends_a_command_with_its_code(ours: Ours) -> None:
    """While it waits for a registry that has not yet answered."""
    with Registry() as slow:
        slow.fail(times=99, status=503, on="manifest", retry_after=30)
        environ = {"TERM": "xterm", "LANG": "C.UTF-8", **ours.environ}
        words = ["inspect", f"{slow.host}/app:1"]
        child = pexpect.spawn(program(), words, env=environ, timeout=TIMEOUT, encoding="utf-8")
        began = time.monotonic()
        while 503 not in [event.status for event in slow.events]:
            assert time.monotonic() < began + TIMEOUT
            time.sleep(0.05)
        child.sendintr()
        child.expect(pexpect.EOF)
        child.close()

        assert child.exitstatus == 130
        assert "Interrupted" in (child.before or "")
        assert "Traceback" not in (child.before or "")
        assert time.monotonic() - began < TIMEOUT / 2


def test_a_password_is_asked_for_and_not_shown(ours: Ours) -> None:
    with Registry(users={"ci": "secret"}) as registry:
        environ = {"TERM": "xterm", "LANG": "C.UTF-8", **ours.environ}
        words = ["login", registry.host]
        child = pexpect.spawn(program(), words, env=environ, timeout=TIMEOUT, encoding="utf-8")
        child.logfile_read = shown = _Shown()
        child.expect("Username")
        child.sendline("ci")
        child.expect("Password")
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
