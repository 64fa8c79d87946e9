"""Commands say in a line which place they cannot look at, as that of another user's registry."""

import click
import pytest
from click.testing import CliRunner

from lading.cli.commands import main
from lading.cli.registry import translate_data_errors
from lading.config.loading import load
from tests.cli.conftest import ROOT

# Root may look at everything, but not at a name that is longer than those of files.
CLOSED = f"/tmp/{'x' * 300}"
COMMANDS = [
    "ls",
    "tags app",
    "du",
    "verify",
    "history app:1",
    "trash ls",
    "garbage-collect --dry-run",
    f"backup {CLOSED}",
    f"export {CLOSED}",
    f"cp oci:{CLOSED}:a oci:elsewhere:a",
    f"cp {CLOSED}@sha256:{'a' * 64} oci:elsewhere:a",
]


@pytest.mark.parametrize("words", COMMANDS)
def test_a_place_that_cannot_be_looked_at_is_named(words: str) -> None:
    done = CliRunner().invoke(main, words.split(), env={ROOT: CLOSED})

    assert done.exit_code == 1, done.output
    assert isinstance(done.exception, SystemExit), done.exception
    assert done.stderr.startswith("Error: ")
    assert "File name too long" in done.stderr


def test_who_may_not_look_is_told_who_may() -> None:
    with (
        pytest.raises(click.ClickException, match="sudo -u USER lading"),
        translate_data_errors(load(None, {ROOT: CLOSED}).settings),
    ):
        raise PermissionError(13, "Permission denied", CLOSED)
