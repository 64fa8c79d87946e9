"""Scenes for commands: what each needs to have something to do, and the words to run it with."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from lading.testing import Registry
from tests.cli.conftest import ROOT, Ours
from tests.support.adopting import fill
from tests.support.contents import HELLO
from tests.support.distribution import Tree
from tests.support.layouts import write_layout


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
