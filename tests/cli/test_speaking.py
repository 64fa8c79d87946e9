"""Registries that speak without TLS, or by a certificate that nobody here knows: one says so."""

from collections.abc import Iterator, Sequence

import click
import pytest

from lading.cli.commands import COMMANDS, main
from lading.client import session
from lading.testing import Registry
from tests.cli.conftest import Ours

# What each command that speaks with another registry is asked there; `{}` is its host.
WORDS = {
    "ls": ("{}",),
    "tags": ("{}/app",),
    "search": ("{}/app",),
    "inspect": ("{}/app:1",),
    "tree": ("{}/app:1",),
    "du": ("{}/app",),
    "diff": ("{}/app:1", "{}/app:2", "--files"),
    "files": ("{}/app:1",),
    "cat": ("{}/app:1", "motd"),
    "tag": ("{}/app:1", "new"),
    "cp": ("{}/app:1", "{}/copied"),
    "rm": ("{}/app:2",),
    "login": ("{}", "-u", "ci", "--password-stdin"),
}


@pytest.fixture(params=[False, True], ids=["HTTP", "TLS"])
def elsewhere(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Registry]:
    """A registry, on what is taken for another machine: by TLS alone, unless one says otherwise."""
    monkeypatch.setattr(session, "is_local", lambda _: False)
    with Registry(tls=request.param) as registry:
        for tag in ("1", "2"):
            registry.push_image(f"app:{tag}", files={"motd": tag})
        yield registry


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(("command", "words"), WORDS.items())
def test_every_command_speaks_as_it_is_told(
    ours: Ours, elsewhere: Registry, command: str, words: Sequence[str]
) -> None:
    asked = [command, *(word.format(elsewhere.host) for word in words)]
    done = 1 if command == "diff" else 0  # they differ
    ways = [["--insecure"], ["--ca", str(elsewhere.ca)]] if elsewhere.ca else [["--plain-http"]]

    refused = ours.run(*asked, stdin="secret\n")

    assert refused.exit_code == (2 if command == "diff" else 1)
    assert ("certs.d" if elsewhere.ca else "say `--plain-http`") in refused.stderr
    for way in ways:
        result = ours.run(*asked, *way, stdin="secret\n")
        assert result.exit_code == done, result.output
        if command == "rm":
            elsewhere.push_image("app:2", files={"motd": "2"})


def test_no_command_that_asks_other_registries_lacks_the_options() -> None:
    """The message of a registry that cannot be reached names them, whichever command says it."""
    context = click.Context(main)
    options = {
        name: {word for each in command.params for word in each.opts}
        for name in COMMANDS
        if isinstance(command := main.get_command(context, name), click.Command)
    }
    asking = {name for name, words in options.items() if "--server" in words} | {"cp", "login"}
    assert asking == WORDS.keys()
    for name in asking:
        assert {"--plain-http", "--insecure", "--ca"} <= options[name], name
