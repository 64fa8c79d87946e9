"""`--json`: every command prints the keys that its documentation has, and times as RFC 3339."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from lading.cli.commands import main
from lading.testing import Registry
from tests.cli.conftest import Ours
from tests.cli.scenes import COMMANDS, Scene
from tests.docs.json_keys import KEYS, keys_of

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_IS_TIME = re.compile(r"(?:.*[._])?(?:at|since|until)")


def with_json(group: click.Group, above: str = "") -> Iterator[str]:
    """The commands that print JSON if they are told to."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from with_json(command, f"{above}{name} ")
        elif any("--json" in parameter.opts for parameter in command.params):
            yield f"{above}{name}"


def test_every_command_that_prints_json_is_in_the_tables() -> None:
    assert set(with_json(main)) == KEYS.keys() == COMMANDS.keys()


@pytest.mark.parametrize("command", COMMANDS)
def test_its_keys_are_those_of_its_documentation(
    command: str, ours: Ours, theirs: Registry, tmp_path: Path
) -> None:
    scene = Scene(ours, theirs, tmp_path)
    words = COMMANDS[command](scene)

    printed = [
        json.loads(line) for line in scene.run(*command.split(), *words, "--json").splitlines()
    ]

    found = set(keys_of(printed, command))
    assert found <= set(KEYS[command])
    wanted = {key for key in KEYS[command] if "." not in key} - _ABSENT.get(command, set())
    assert wanted <= found
    for key, value in _leaves(printed):
        assert not _IS_TIME.fullmatch(key) or value is None or _TIME.fullmatch(str(value)), key


# Keys that are there when something fails, and in some documents alone.
_ABSENT = {"cp": {"error"}}


def _leaves(document: Any, name: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(document, list):
        for member in document:
            yield from _leaves(member, name)
    elif isinstance(document, dict):
        for key, member in document.items():
            yield from _leaves(member, key)
    else:
        yield name, document
