"""Log lines: for people, or one JSON object each; with the fields that the operator chose."""

import json
import logging
import re
from collections.abc import Iterator
from functools import partial

import pytest
from _pytest.capture import CaptureResult

from lading.config.settings import LogSection, Settings
from lading.server.process import repeats
from lading.server.process.log import configure_logging

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Logging is of the whole process: put it back."""
    root, access = logging.getLogger(), logging.getLogger("lading.access")
    before = root.level, root.handlers[:], access.handlers[:], access.propagate
    yield
    root.setLevel(before[0])
    root.handlers[:], access.handlers[:], access.propagate = before[1:]


def configure(**log: object) -> None:
    """Set logging up as a configuration would."""
    configure_logging(Settings(log=LogSection.model_validate(log)))


def written(capfd: pytest.CaptureFixture[str]) -> CaptureResult[str]:
    """What is written to the two streams, when all is."""
    for handler in (*logging.getLogger("lading.access").handlers, *logging.getLogger().handlers):
        handler.close()
    return capfd.readouterr()


def test_text(capfd: pytest.CaptureFixture[str]) -> None:
    """Time, level, message, fields; to standard error."""
    configure(fields={"service": "registry", "environment": "test"})
    logging.getLogger("lading.any").warning("disk is %d%% full", 93)

    out, err = written(capfd)
    assert out == ""
    assert re.fullmatch(rf"{TIME} warn disk is 93% full service=registry environment=test\n", err)


def test_json(capfd: pytest.CaptureFixture[str]) -> None:
    """One object per line, whatever is in the message; a failure goes with its traceback."""
    configure(formatter="json", fields={"service": "r"})
    error = LookupError("two\nlines")
    logging.getLogger("lading.any").error('it\n"failed"', exc_info=error)

    (line,) = written(capfd).err.splitlines()
    found = json.loads(line)
    assert re.fullmatch(TIME, found.pop("time"))
    assert "LookupError: two\nlines" in found.pop("error")
    assert found == {"service": "r", "level": "error", "msg": 'it\n"failed"'}


@pytest.mark.parametrize("formatter", ["text", "json"])
def test_a_stranger_cannot_forge_a_line(capfd: pytest.CaptureFixture[str], formatter: str) -> None:
    """Neither by an end of a line, nor by signs for the direction of writing."""
    configure(formatter=formatter)
    forged = "2026-01-01T00:00:00.000Z info all is well"
    for sign in "\n\r\x0b\x85\u2028\u2029\u202e":
        logging.getLogger("lading.any").warning("no such name: %s", f"x{sign}{forged}")
        logging.getLogger("lading.any").error("it failed", exc_info=ValueError(f"x{sign}{forged}"))

    err = written(capfd).err
    assert not [line for line in err.splitlines() if line.startswith(forged[:20])]
    assert "\u202e" not in err


@pytest.mark.parametrize(("level", "expected"), [("error", 1), ("warn", 2), ("info", 3)])
def test_the_level(capfd: pytest.CaptureFixture[str], level: str, expected: int) -> None:
    """What is less severe is not logged."""
    configure(level=level)
    log = logging.getLogger("lading.any")
    for say in (log.debug, log.info, log.warning, log.error):
        say("said")

    assert len(written(capfd).err.splitlines()) == expected


def test_requests_go_to_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    """As they are, at any level, and not to standard error as well."""
    configure(level="error")
    logging.getLogger("lading.access").info("GET /v2/")

    assert written(capfd) == ("GET /v2/\n", "")


def test_a_flood_of_one_line_is_cut_and_counted(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What else there is to say is said, and the flood again when its period is over."""
    now = [0.0]
    of_a_test = partial(repeats.Repeats, lambda: now[0])
    monkeypatch.setattr("lading.server.process.log.Repeats", of_a_test)
    monkeypatch.setattr(repeats, "MOST", 3)
    configure()
    any_ = logging.getLogger("lading.any")
    for number in range(10):
        any_.warning("the disk is full: %d", number)
        any_.info("request %d", number)
    any_.error("the disk is gone")
    now[0] = 61.0
    any_.info("later")
    any_.warning("the disk is full: %d", 10)

    lines = [line.split(maxsplit=2)[2] for line in written(capfd).err.splitlines()]
    assert [line for line in lines if "request" in line] == [f"request {n}" for n in range(10)]
    assert [line for line in lines if "request" not in line] == [
        *(f"the disk is full: {number}" for number in range(3)),
        "the disk is gone",
        "the disk is full: 9 (the last of 7 such lines that are left out)",
        "later",
        "the disk is full: 10",
    ]


def test_what_was_left_out_is_told_at_the_end(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repeats, "MOST", 1)
    configure()
    for number in range(3):
        logging.getLogger("lading.any").error("it fails: %d", number)

    assert "it fails: 2 (the last of 2 such lines" in written(capfd).err
