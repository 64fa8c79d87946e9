"""`lading`, also installed as `registry`: the list of commands.

Each is loaded when it runs, so that help and completion need no more than click.
"""

import gc
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import click
from click.shell_completion import CompletionItem

from lading import __version__

# What a shell says of a program that was ended by Ctrl-C: 128 and the number of the signal.
INTERRUPTED = 130


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
        with _without_collector():
            command: click.Command = getattr(import_module(module), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; one that is interrupted ends with the code that shells give for it.

        Messages of errors may have what strangers say in them, and click prints them as they are.
        """
        if sys.stdout is None:  # it was closed by who started this, so nobody reads the answer
            sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            from lading.cli.output import clean_lines  # noqa: PLC0415 - help needs none of it

            error.message = clean_lines(error.message)  # type: ignore[misc]
            raise
        except KeyboardInterrupt:
            click.echo("Interrupted", err=True)
            _leave_threads_behind()
            raise click.exceptions.Exit(INTERRUPTED) from None

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


@contextmanager
def _without_collector() -> Iterator[None]:
    """Look for no garbage while modules are loaded: there is none, and it takes a tenth longer."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _leave_threads_behind() -> None:
    """End at once if there are threads that wait for somebody else; Python would wait for them."""
    if any(thread is not threading.main_thread() for thread in threading.enumerate()):
        sys.stdout.flush()
        os._exit(INTERRUPTED)


COMMANDS = {
    "serve": Listed("lading.cli.serve:serve", "Answer requests until told to stop."),
    "ls": Listed("lading.cli.ls:list_repositories", "List the repositories of a registry."),
    "tags": Listed(
        "lading.cli.ls:list_tags",
        "List the tags of a repository, with their sizes and times as far as the registry tells"
        " them.",
    ),
    "search": Listed(
        "lading.cli.ls:search", "Find repositories and tags by a part of their names."
    ),
    "inspect": Listed(
        "lading.cli.inspect:inspect_image",
        "Tell what an image is: its digest, platforms, layers, and what it runs.",
    ),
    "tree": Listed(
        "lading.cli.inspect:tree",
        "Draw all that belongs to an image: manifests, layers, and what refers to it.",
    ),
    "du": Listed(
        "lading.cli.du:du",
        "Tell how many bytes tags or repositories have, and how many of these they share.",
    ),
    "diff": Listed(
        "lading.cli.diff:diff",
        "Compare two images: exit code 0 if they are the same, 1 if they differ, 2 for trouble.",
    ),
    "files": Listed(
        "lading.cli.files:list_files",
        "List the files of an image, or those below PATH, with their modes and sizes.",
    ),
    "cat": Listed(
        "lading.cli.files:cat", "Print a file of an image, byte for byte; links are followed."
    ),
    "tag": Listed(
        "lading.cli.change_images:tag_image", "Point tags at an image of the same repository."
    ),
    "rm": Listed(
        "lading.cli.change_images:remove_images",
        "Delete tags, or images by their digest with all their tags.",
    ),
    "login": Listed(
        "lading.cli.login:login",
        "Keep a login for a registry, once the registry has said that it is right.",
    ),
    "logout": Listed(
        "lading.cli.login:logout", "Forget the login for a registry, as Docker keeps it."
    ),
    "completion": Listed(
        "lading.cli.completion:completion",
        "Print what makes a shell complete commands, options, repositories and tags.",
    ),
    "garbage-collect": Listed(
        "lading.cli.garbage_collect:garbage_collect",
        "Remove deleted images for good, and free the bytes that nothing needs.",
    ),
    "trash": Listed("lading.cli.trash:trash", "Look at what was deleted and can be restored."),
    "restore": Listed(
        "lading.cli.trash:restore",
        "Bring back what was deleted: an image with its tags, a tag, or all of a repository.",
    ),
    "history": Listed(
        "lading.cli.trash:history",
        "Tell when a tag was set, moved or deleted, by whom, and what it pointed to.",
    ),
    "why": Listed(
        "lading.cli.why:why",
        "Tell what keeps a blob or a manifest: the tags that lead to it, the trash, or a promise.",
    ),
    "verify": Listed(
        "lading.cli.verify:verify",
        "Compare what the database says with the bytes that are there, both ways.",
    ),
    "read-only": Listed(
        "lading.cli.read_only:read_only",
        "Switch read-only mode on or off, or say whether it is on.",
    ),
    "backup": Listed(
        "lading.cli.backup:backup",
        "Copy the metadata of a registry, running or not, to the new directory DEST.",
    ),
    "restore-backup": Listed(
        "lading.cli.backup:restore_backup",
        "Put the metadata of the backup SRC in place.",
    ),
    "restored": Listed(
        "lading.cli.backup:restored",
        "Say that PostgreSQL's database was restored from a backup, before a server starts with"
        " it.",
    ),
    "migrate": Listed(
        "lading.cli.migrate:migrate",
        "Bring a registry, while it serves, to another database, another store, or both.",
    ),
    "adopt": Listed(
        "lading.cli.adopt:adopt",
        "Take over what a registry of CNCF Distribution (`registry:2`, `registry:3`) has, in"
        " place.",
    ),
    "export": Listed(
        "lading.cli.export:export",
        "Write all that is here as CNCF Distribution (`registry:2`, `registry:3`) keeps it, into"
        " ROOT.",
    ),
    "import": Listed(
        "lading.cli.import_layouts:import_",
        "Bring the images of OCI image layouts: DIR, or all below it, as zot keeps them.",
    ),
    "cp": Listed(
        "lading.cli.cp:cp",
        "Copy images from a registry or a folder to another, with what is about them.",
    ),
    "doctor": Listed(
        "lading.cli.doctor:doctor",
        "Look for what is wrong with a deployment, from where its clients are.",
    ),
    "user": Listed("lading.cli.user:user", "Add and remove those who may log in with a password."),
    "config": Listed(
        "lading.cli.config:config", "Check a configuration file, or show what is in force."
    ),
    "cert": Listed(
        "lading.cli.cert:cert",
        "Make certificates for a network that no public authority issues them for.",
    ),
    "token": Listed(
        "lading.cli.token:token",
        "Give programs a login of their own: build servers, deployments, mirrors.",
    ),
}


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]}, listed=COMMANDS
)
@click.version_option(__version__, "-v", "--version", message="lading %(version)s")
def main() -> None:
    """A container registry: what `docker push` pushes to and `docker pull` pulls from."""
