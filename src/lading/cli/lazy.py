"""Commands that are loaded when they run, so that help and completion need no more than click."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import click
from click.shell_completion import CompletionItem


class Listed(NamedTuple):
    """A command that is not loaded yet.

    Attributes:
        place: its module and its name there, with a colon between.
        summary: its line in the list of commands: the first sentence of its own help.
    """

    place: str
    summary: str


class LazyGroup(click.Group):
    """A group of commands, each of which is loaded when it is asked for by its name.

    Args:
        listed: the commands by name, in the order of the help.
    """

    def __init__(self, *args: Any, listed: Mapping[str, Listed], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._listed = listed

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        """The names of all commands."""
        return list(self._listed)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of a name, loaded."""
        if cmd_name not in self._listed:
            return None
        module, _, name = self._listed[cmd_name].place.partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """What may stand where something is being typed, without loading any command."""
        commands = [
            CompletionItem(name, help=listed.summary)
            for name, listed in self._listed.items()
            if name.startswith(incomplete)
        ]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands without loading any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, listed.summary) for name, listed in self._listed.items()])
