"""Examples below the help of commands: each does what it says."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
import pytest
import yaml

from lading.cli.commands import main
from lading.cli.examples import REGISTRY, Example, examples_of
from lading.testing import Registry
from tests.cli.conftest import Ours
from tests.support.adopting import fill
from tests.support.distribution import Tree
from tests.support.layouts import write_layout

# Commands that have none: of a server that runs until it is told to end, and of PostgreSQL's end.
WITHOUT = {"serve", "restored"}
_ADD_ALICE = "user add alice --password-stdin --file /etc/lading/htpasswd"
# What was done before, by the command.
BEFORE: Mapping[str, str] = {
    "user passwd": _ADD_ALICE,
    "user rm": _ADD_ALICE,
    "user ls": _ADD_ALICE,
    "token revoke": "token create ci --repositories app",
    "restore": "rm app:1.1",
    "backup": "backup /backup/other",
    "restore-backup": "backup /backup/today",
}


def commands(group: click.Group, above: str = "") -> Iterator[tuple[str, click.Command]]:
    """All commands, by what is typed of them."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{above}{name} ")
        else:
            yield f"{above}{name}", command


EXAMPLES = [
    pytest.param(name, example, id=example.line)
    for name, command in commands(main)
    for example in examples_of(command)
]


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """What stands for the root of a machine on which there is what examples name."""
    fill(Tree(tmp_path / "var/lib/registry"))
    write_layout(tmp_path / "var/lib/zot/app")
    write_layout(tmp_path / "srv/build/oci")
    new = {"version": 0.1, "storage": {"filesystem": {"rootdirectory": str(tmp_path / "new")}}}
    for config in ("etc/distribution/config.yml", "etc/lading/new.yml"):
        (tmp_path / config).parent.mkdir(parents=True)
        (tmp_path / config).write_text(yaml.safe_dump(new))
    (tmp_path / "backup").mkdir()
    return tmp_path


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_an_example_does_what_it_says(
    ours: Ours, theirs: Registry, machine: Path, name: str, example: Example
) -> None:
    def run(line: str) -> click.testing.Result:
        there = line.replace(REGISTRY, theirs.host).replace(" /", f" {machine}/")
        return ours.run(*there.replace("'", "").split(), stdin="secret\n")

    line = example.line.removeprefix("lading ")
    assert line.startswith(name)
    if name in BEFORE:
        run(BEFORE[name])
    if "--done" in line:
        run("backup /backup/today")
    if name == "export":
        shutil.rmtree(machine / "var/lib/registry")  # another registry's is not written over

    result = run(line)

    assert result.exit_code == example.exit_code, result.output


def test_each_command_has_some_and_shows_them() -> None:
    found = dict(commands(main))
    assert {name for name, command in found.items() if not examples_of(command)} == WITHOUT
    for command in found.values():
        for example in examples_of(command):
            assert example.line in (command.epilog or "")
