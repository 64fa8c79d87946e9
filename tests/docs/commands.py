"""docs/commands.md, made of the help of the commands and their examples.

`python -m tests.docs.commands` renews it.
"""

from collections.abc import Iterator

import click

from lading.cli.commands import COMMANDS, main
from tests.docs.json_keys import KEYS
from tests.support.commands import REPOSITORY

PAGE = REPOSITORY / "docs/commands.md"

_HELP = ["-h", "--help"]

_HEAD = """\
# Commands

Standard output is the answer, standard error is progress and advice. On a terminal answers are
tables, with colours unless `NO_COLOR` is set; in a window that is too narrow digests are cut off
(`…`), and columns that one can do without are left out. In a pipe a row is a line whose columns
end with tabs, without headings. `--json` prints one document, or one per line: sizes are bytes,
times are texts of RFC 3339 in UTC (`2026-01-31T23:59:59.123456Z`), what is not known is `null`. The
keys stand below each command: `a.b` is `b` in the object `a`, or in each object of the list `a`;
of a list they are those of each object in it.

An image is written as for Docker: `app:1.0`, `app@sha256:…`, with a host before it for another
registry than ours, `registry.example.com/app:1.0`. What has no host is in the registry of the
configuration, whose data is read and written beside a running server or without one. `--server
HOST` asks a registry for references without a host; `--config FILE` means ours, whatever a name
looks like. Logins are those of `docker login`, or of `lading login`; this machine (`localhost`,
`127.0.0.1`) may speak HTTP or HTTPS, another one HTTP if `--plain-http` says so.

| exit code | |
|---|---|
| 0 | done; for `diff`, the same |
| 1 | failed; for `diff`, it differs |
| 2 | wrong usage; for `diff`, whatever else went wrong |
| 3 | what was asked about is not there |
| 4 | refused, or not logged in |
| 130 | interrupted |
| 143 | told to end, by SIGTERM; at the latest eight seconds after |
"""


def render() -> str:
    """Return the page."""
    return "\n".join([_HEAD, *_sections()]).rstrip("\n") + "\n"


def _sections() -> Iterator[str]:
    for name in COMMANDS:
        context = click.Context(main, info_name="lading", help_option_names=_HELP)
        command = main.get_command(context, name)
        assert command is not None
        yield from _section(name, command, context)


def _section(name: str, command: click.Command, parent: click.Context) -> Iterator[str]:
    # As wide, and as they are on any machine.
    context = click.Context(command, info_name=name, parent=parent, max_content_width=100)
    context.terminal_width = 100
    title = context.command_path.removeprefix("lading ")
    yield f"{'##' if parent.parent is None else '###'} {title}\n"
    yield f"```text\n{command.get_help(context).rstrip()}\n```\n"
    if keys := KEYS.get(title):
        yield f"`--json`: {', '.join(f'`{key}`' for key in keys)}.\n"
    if isinstance(command, click.Group):
        for sub in command.list_commands(context):
            found = command.get_command(context, sub)
            assert found is not None
            yield from _section(sub, found, context)


if __name__ == "__main__":
    PAGE.write_text(render())
