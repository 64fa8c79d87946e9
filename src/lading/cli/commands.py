"""`lading`, also installed as `registry`: the list of commands.

Each is loaded when it runs, so that help and completion need no more than click.
"""

import errno
import io
import os
import stat
import sys
import threading
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from lading import __version__
from lading.cli.late import late, without_collector

with late():
    from click import shell_completion

    from lading.cli import exits, output

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})

COMMAND_GROUPS: Mapping[str, Mapping[str, str]] = {
    "Serve": {
        "serve": "Answer requests until told to stop.",
        "config": "Check a configuration file, or show what is in force.",
        "user": "Add and remove those who log in with a password.",
        "token": "Give programs a login of their own.",
        "cert": "Make certificates for a network of your own.",
        "doctor": "Look for what is wrong with a deployment.",
    },
    "Images, here and in other registries": {
        "ls": "List the repositories of a registry.",
        "tags": "List the tags of a repository, with sizes and times.",
        "search": "Find repositories and tags by a part of their names.",
        "inspect": "Tell what an image is, what is in it, and what it runs.",
        "tree": "Draw what belongs to an image, and what refers to it.",
        "du": "Tell how many bytes tags or repositories have and share.",
        "diff": "Compare two images, and their files.",
        "files": "List the files of an image, or those below a path.",
        "cat": "Print a file of an image, byte for byte.",
        "tag": "Point tags at an image of the same repository.",
        "rm": "Delete tags, or images by their digest.",
        "cp": "Copy images between registries and folders.",
        "login": "Log in to a registry, and keep the login.",
        "logout": "Forget the login for a registry.",
    },
    "Deleted images, and bytes": {
        "trash": "Look at what was deleted and can be restored.",
        "restore": "Bring back an image, a tag, or all of a repository.",
        "history": "Tell where a tag has pointed, since when, and by whom.",
        "why": "Tell what keeps a blob or a manifest.",
        "garbage-collect": "Remove deleted images for good, and free their bytes.",
    },
    "Care": {
        "verify": "Compare what the database says with the bytes.",
        "read-only": "Switch read-only mode on or off, or say whether it is on.",
        "backup": "Copy the metadata of a registry, running or not.",
        "restore-backup": "Put the metadata of a backup in place.",
        "restored": "Say that PostgreSQL was restored from a backup.",
    },
    "Move in, up and out": {
        "adopt": "Take over what `registry:2` or `registry:3` has, in place.",
        "import": "Bring the images of OCI image layouts, as zot has them.",
        "migrate": "Bring a registry to another database or another store.",
        "export": "Write all that is here as `registry:2` keeps it.",
    },
    "Shell": {"completion": "Print the script that completes commands and images."},
}
"""The lines of the list of commands, each the first sentence of the command's own help."""

COMMANDS = {name: summary for group in COMMAND_GROUPS.values() for name, summary in group.items()}

# The files of commands that are not called as theirs.
_FILES = {
    "cat": "files",
    "history": "trash",
    "import": "import_layouts",
    "logout": "login",
    "restore": "trash",
    "restore-backup": "backup",
    "restored": "backup",
    "rm": "change_images",
    "search": "ls",
    "tag": "change_images",
    "tags": "ls",
    "tree": "inspect",
}


class LazyGroup(click.Group):
    """A group of commands, below headings, each of which is loaded when it is asked for by name."""

    _failed: click.ClickException | None = None

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        """The names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of a name, loaded."""
        if cmd_name not in COMMANDS:
            return None
        with without_collector():
            file = import_module(f"lading.cli.{_FILES.get(cmd_name, cmd_name.replace('-', '_'))}")
        commands = (one for one in vars(file).values() if isinstance(one, click.Command))
        return next(command for command in commands if command.name == cmd_name)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the program; one line says that there is no room where its help, or bytes, go."""
        self._failed = None
        try:
            return super().main(*args, **kwargs)
        except OSError as error:
            if self._failed is not None:
                sys.exit(self._failed.exit_code)  # of which nobody could be told
            if error.errno not in _NO_ROOM or error.filename is not None:
                raise
            output.unwritten(error).show()
            sys.exit(1)
        finally:
            _drop_unwritten()

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Read the command line; click takes an interruption of that for the end of input."""
        try:
            return super().make_context(*args, **kwargs)
        except KeyboardInterrupt:
            raise _interrupted() from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; one that is interrupted ends with the code that shells give for it.

        Messages of errors may have what strangers say in them, and click prints them as they are.
        """
        _settle_streams()
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            error.message = output.clean_lines(error.message)  # type: ignore[misc]
            self._failed = error
            raise
        except click.Abort as error:  # while something was asked
            if isinstance(error.__context__, KeyboardInterrupt):
                raise _interrupted() from None
            raise click.ClickException(
                "standard input has ended before the answer: give it by options, and a password by"
                " --password-stdin"
            ) from None
        except KeyboardInterrupt:
            raise _interrupted() from None

    def shell_complete(
        self, ctx: click.Context, incomplete: str
    ) -> "list[shell_completion.CompletionItem]":
        """The completions of what is being typed, without loading any command."""
        commands = [
            shell_completion.CompletionItem(name, help=summary)
            for name, summary in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands without loading any."""
        # As wide in all groups, so that the summaries are below each other.
        longest = max(map(len, COMMANDS))
        for heading, group in COMMAND_GROUPS.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(longest), line) for name, line in group.items()])


def _settle_streams() -> None:
    """Have all streams there, as whoever started this may have closed them."""
    _open_closed_descriptors()
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What a terminal of another encoding than UTF-8 does not know, as standard error has it.
        sys.stdout.reconfigure(errors="backslashreplace")


def _open_closed_descriptors() -> None:
    """Open the descriptors of the streams that are closed, or files of ours would get them.

    Then lines of logs would be written there, and what children are given would be closed.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The lowest that is free. Children have it, too.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # noqa: FBT003


def _interrupted() -> click.exceptions.Exit:
    """The end of a command that is interrupted, whether or not that can be said."""
    output.say("Interrupted", err=True)
    if any(thread is not threading.main_thread() for thread in threading.enumerate()):
        exits.end_at_once(exits.INTERRUPTED)
    return click.exceptions.Exit(exits.INTERRUPTED)


def _drop_unwritten() -> None:
    """Drop what standard error does not take: Python would try it again, and end with 120."""
    if sys.stderr is None:  # closed by whoever started this
        return
    try:
        sys.stderr.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC), sys.stderr.fileno())


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-v", "--version", message="lading %(version)s")
def main() -> None:
    """A container registry: what `docker push` pushes to and `docker pull` pulls from."""
    # Whatever the umask, nobody but the owner and the group writes to what is made here.
    os.umask(os.umask(stat.S_IWOTH) | stat.S_IWOTH)
