"""`--json`: every command prints the keys that its documentation has, and times as RFC 3339."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from lading.cli.main import main
from lading.testing import Registry
from tests.cli.conftest import ROOT, Ours
from tests.docs.json_keys import KEYS, keys_of
from tests.support.adopting import fill
from tests.support.contents import HELLO
from tests.support.distribution import Tree
from tests.support.layouts import write_layout

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_IS_TIME = re.compile(r"(?:.*[._])?(?:at|since|until)")


@dataclass(frozen=True)
class Scene:
    """What commands work on: our registry, another one, and a directory for what they make."""

    ours: Ours
    theirs: Registry
    directory: Path

    def run(self, *words: object) -> str:
        """What a command prints; it may find that something is wrong."""
        result = self.ours.run(*map(str, words))
        assert result.exit_code in {0, 1}, result.output
        return result.stdout

    def digest(self, image: str) -> str:
        """The digest of an image of ours."""
        found: str = json.loads(self.run("inspect", image, "--json"))["digest"]
        return found


def _damaged_volume(scene: Scene) -> Path:
    tree = Tree(scene.directory / "volume")
    fill(tree)
    (tree.tag_folder(HELLO, "latest") / "current/link").write_text("")
    return tree.root


def _layout(scene: Scene) -> Path:
    layout = write_layout(scene.directory / "layout")
    index = layout.path / "index.json"
    index.write_text(index.read_text().replace("latest", "no tag!"))
    return layout.path


def _target(scene: Scene) -> Path:
    config = scene.directory / "to.yml"
    root = str(scene.directory / "new")
    storage = {"filesystem": {"rootdirectory": root}}
    config.write_text(yaml.safe_dump({"version": 0.1, "storage": storage}))
    return config


def _deleted(scene: Scene) -> None:
    scene.run("rm", "app:1.1")
    scene.run("rm", f"app@{scene.digest('app:1.0')}")


def _removed(scene: Scene) -> None:
    """Bytes that the database knows are gone."""
    blobs = Path(scene.ours.environ[ROOT]).glob("docker/registry/v2/blobs/sha256/*/*/data")
    sorted(blobs)[0].unlink()


def _made_token(scene: Scene) -> None:
    scene.run("token", "create", "ci", "--repositories", "app")


def _users(scene: Scene) -> Path:
    path = scene.directory / "htpasswd"
    path.write_text("alice:$2y$05$" + "a" * 53 + "\n")
    return path


def _after(doing: Callable[[Scene], None], *words: object) -> Callable[[Scene], Sequence[object]]:
    """The words of a command before which something is done."""

    def prepare(scene: Scene) -> Sequence[object]:
        doing(scene)
        return words

    return prepare


def _asked_why(scene: Scene) -> Sequence[object]:
    digest = scene.digest("app:1.1")
    scene.run("rm", "app:1.1")
    return (digest,)


# What each command is run with, after what it needs was done.
COMMANDS: Mapping[str, Callable[[Scene], Sequence[object]]] = {
    "ls": lambda _: (),
    "tags": lambda _: ("app",),
    "search": lambda _: ("app",),
    "inspect": lambda _: ("app:1.0",),
    "tree": lambda _: ("app:1.10",),
    "du": lambda _: ("app",),
    "files": lambda _: ("app:1.0",),
    "diff": lambda _: ("app:1.0", "app:1.1", "--files"),
    "tag": lambda _: ("app:1.0", "stable"),
    "rm": lambda _: ("app:1.0",),
    "garbage-collect": _after(_deleted, "--dry-run"),
    "trash ls": _after(_deleted),
    "restore": _after(_deleted, "app"),
    "history": _after(_deleted, "app:1.1"),
    "why": _asked_why,
    "verify": _after(_removed),
    "read-only": lambda _: ("on",),
    "backup": lambda scene: (scene.directory / "copy",),
    "migrate": lambda scene: ("--to", _target(scene)),
    "adopt": lambda scene: (_damaged_volume(scene),),
    "export": lambda scene: (scene.directory / "links",),
    "import": lambda scene: (_layout(scene), "imported"),
    "cp": lambda scene: (f"{scene.theirs.host}/app:1.0", f"{scene.theirs.host}/copies/app"),
    "doctor": lambda scene: (scene.theirs.host,),
    "user ls": lambda scene: ("--file", _users(scene)),
    "cert make": lambda scene: ("registry.lan", "--directory", scene.directory / "certs"),
    "cert client": lambda scene: ("alice", "--directory", scene.directory / "certs"),
    "token create": lambda _: ("ci", "--repositories", "app"),
    "token ls": _after(_made_token),
}


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
