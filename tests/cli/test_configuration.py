"""Which configuration a command reads: one rule for all of them."""

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from lading.cli.commands import main
from lading.config import loading
from lading.config.loading import find_file
from tests.support.commands import run
from tests.support.lading import program

DIGEST = f"sha256:{'0' * 64}"
# What else a command must be told.
WORDS = {
    "backup": ["DEST"],
    "cat": ["hello:latest", "etc/passwd"],
    "diff": ["hello:one", "hello:two"],
    "export": ["SRC"],
    "files": ["hello:latest"],
    "history": ["hello:latest"],
    "import": ["SRC", "hello"],
    "inspect": ["hello:latest"],
    "migrate": ["--to", "named.yml"],
    "read-only": ["status"],
    "restore": ["hello"],
    "restore-backup": ["SRC"],
    "rm": ["hello:latest"],
    "search": ["hello"],
    "tag": ["hello:latest", "new"],
    "tags": ["hello"],
    "token create": ["ci", "--repositories", "**"],
    "token revoke": ["ci"],
    "tree": ["hello:latest"],
    "user add": ["alice"],
    "user passwd": ["alice"],
    "user rm": ["alice"],
    "why": [DIGEST],
}


def _commands(group: click.Group, *names: str) -> Iterator[tuple[str, click.Command]]:
    """All commands, by the words that call them."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from _commands(command, *names, name)
        else:
            yield " ".join([*names, name]), command


READERS = sorted(
    name
    for name, command in _commands(main)
    if any(parameter.name == "config" for parameter in command.params)
)


def test_these_are_all() -> None:
    """But those that ask for nothing that a configuration says, or speak to other registries."""
    others = {name for name, _ in _commands(main)} - set(READERS)

    assert others == {"cert make", "cert client", "completion", "cp", "doctor", "login", "logout"}
    assert set(WORDS) <= set(READERS)


@pytest.mark.parametrize("name", READERS)
def test_without_an_argument_the_environment_names_it(name: str, tmp_path: Path) -> None:
    """It is read before anything is done: here it says that it cannot be used."""
    config = tmp_path / "named.yml"
    config.write_text("version: 0.1\nhttp: {adr: ':5000'}\n")
    (tmp_path / "SRC").mkdir()

    done = run(
        [program(), *name.split(), *WORDS.get(name, [])],
        check=False,
        cwd=tmp_path,
        env={"REGISTRY_CONFIGURATION_PATH": str(config)},
    )

    assert done.returncode == (2 if name == "diff" else 1)  # as `diff` does: 1 is a difference
    assert f"{config}:2" in done.stderr.decode()
    assert not (tmp_path / "data").exists()


def test_what_is_named_comes_before_what_is_usual(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The argument, the variable, then the paths of the images of Distribution, version 3 first."""
    usual = (tmp_path / "distribution.yml", tmp_path / "docker.yml")
    monkeypatch.setattr(loading, "USUAL_PATHS", usual)
    named = {"REGISTRY_CONFIGURATION_PATH": "/named.yml"}

    assert find_file(None, {}) is None
    for path in reversed(usual):
        path.touch()
        assert find_file(None, {}) == path
    assert find_file(None, named) == Path("/named.yml")
    assert find_file(Path("/said.yml"), named) == Path("/said.yml")


def test_a_usual_path_that_may_not_be_looked_at_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Docker keeps its own to root on some machines. Even root may not look for too long a name."""
    monkeypatch.setattr(loading, "USUAL_PATHS", (tmp_path / ("a" * 300) / "config.yml",))

    assert find_file(None, {}) is None


def test_the_usual_paths_are_those_of_distribution() -> None:
    assert list(map(str, loading.USUAL_PATHS)) == [
        "/etc/distribution/config.yml",
        "/etc/docker/registry/config.yml",
    ]
