"""Exit codes of all commands, and what they say of what went wrong: what to do next."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click
import pytest

from lading.cli.commands import main
from lading.testing import Registry
from tests.cli.conftest import ROOT, Ours
from tests.docs.commands import PAGE


def all_commands(group: click.Group = main, above: str = "") -> Iterator[str]:
    """The commands that do something, each by all its words."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from all_commands(command, f"{above}{name} ")
        else:
            yield f"{above}{name}"


ALL = list(all_commands())


@pytest.mark.parametrize("command", ALL)
def test_an_option_that_there_is_not_is_wrong_usage(command: str, ours: Ours) -> None:
    result = ours.run(*command.split(), "--no-such-option")

    assert result.exit_code == 2
    assert "No such option" in result.stderr
    # Of the lowest click that is allowed, it is the shorter of the two.
    assert re.search(f"Try 'main {command} (-h|--help)' for help", result.stderr)


# Words for commands on the data of a registry, where there is none.
LOCAL: Mapping[str, Sequence[str]] = {
    "ls": (),
    "tags": ("app",),
    "search": ("app",),
    "inspect": ("app:1",),
    "tree": ("app:1",),
    "du": ("app",),
    "files": ("app:1",),
    "cat": ("app:1", "etc/motd"),
    "tag": ("app:1", "2"),
    "rm": ("app:1",),
    "garbage-collect": (),
    "export": ("links",),
    "migrate": ("--to", "config.yml"),
}


@pytest.mark.parametrize("command", LOCAL)
def test_a_registry_that_is_not_there_is_said(
    command: str, tmp_path: Path, ours: Ours, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the setting that says where it is; and none is made."""
    monkeypatch.chdir(tmp_path)
    Path("config.yml").write_text("version: 0.1\nstorage: {filesystem: {rootdirectory: new}}\n")
    nowhere = Ours(ours.environ | {ROOT: str(tmp_path / "nowhere")})

    result = nowhere.run(command, *LOCAL[command])

    assert result.exit_code == 1
    assert "storage.filesystem.rootdirectory" in result.stderr
    assert not (tmp_path / "nowhere").exists()


# What is asked of a registry that does not have it, and the exit code.
ABSENT: Mapping[str, tuple[Sequence[str], int]] = {
    "tags": (("nothing",), 3),
    "search": (("nothing",), 3),
    "inspect": (("nothing:1",), 3),
    "tree": (("nothing:1",), 3),
    "diff": (("app:1.0", "nothing:1"), 2),
    "files": (("app:1.0", "nothing"), 3),
    "cat": (("app:1.0", "nothing"), 3),
    "tag": (("nothing:1", "2"), 3),
    "rm": (("nothing:1",), 3),
    "restore": (("nothing",), 3),
    "history": (("nothing:1",), 3),
    "token revoke": (("nothing",), 3),
}


@pytest.mark.parametrize("command", ABSENT)
def test_what_is_not_there_has_its_exit_code(command: str, ours: Ours) -> None:
    words, code = ABSENT[command]

    result = ours.run(*command.split(), *words)

    assert result.exit_code == code, result.output
    assert result.stderr.startswith("Error: ")


@pytest.mark.parametrize("command", ["ls", "tags", "inspect", "tree", "files", "cat", "rm", "cp"])
def test_a_registry_that_wants_a_login_has_its_exit_code(
    command: str, ours: Ours, guarded: Registry
) -> None:
    image = f"{guarded.host}/app:1"
    words = {
        "ls": (guarded.host,),
        "tags": (f"{guarded.host}/app",),
        "cat": (image, "etc/motd"),
        "cp": (image, "oci:copies"),
    }.get(command, (image,))

    result = ours.run(command, *words)

    assert result.exit_code == 4, result.output
    assert " login" in result.stderr


@pytest.fixture(scope="module")
def guarded() -> Iterator[Registry]:
    """A registry with a user."""
    with Registry(users={"ci": "secret"}) as registry:
        yield registry


def test_the_exit_codes_are_documented() -> None:
    for code in (0, 1, 2, 3, 4, 130, 143):
        assert f"| {code} | " in PAGE.read_text()
