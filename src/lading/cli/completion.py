"""Completion by a shell: the script that it needs, of `lading completion`, and names of images.

Those are asked of the registry that is being typed. Whoever presses a key waits for this: what does
not answer at once completes nothing.
"""

import os
import re
from collections.abc import AsyncIterator, Awaitable
from contextlib import redirect_stderr
from io import StringIO

import click

from lading.cli.examples import Example, with_examples
from lading.cli.late import late
from lading.cli.output import say

with late():
    import asyncio

    from click import shell_completion

    from lading.cli.images import places
    from lading.cli.images.source import ImageSource
    from lading.client import options

# What a shell shows at once, and how many names are looked at for it.
_MOST_SHOWN = 200
_MOST_SEEN = 5000
_SECONDS = 3.0
# What may come into a line that a shell is about to run; a registry may say anything.
_NAME = r"[A-Za-z0-9._/-]+"

_FILES = {
    "bash": "~/.local/share/bash-completion/completions/lading",
    "zsh": "a file `_lading` in a folder of $fpath",
    "fish": "~/.config/fish/completions/lading.fish",
}

# click's own script gives what bash has split at colons, of which references are full, and so knows
# neither a host with a port nor a tag. This one splits at blanks, and gives back what bash puts in.
_BASH = """\
_lading_completion() {
    local line=${COMP_LINE:0:COMP_POINT} words typed type value
    read -ra words <<< "$line"
    [[ $line == *[[:blank:]] ]] && words+=("")
    typed=${words[-1]}
    COMPREPLY=()
    while IFS=, read -r type value; do
        case $type in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain)
                [[ $COMP_WORDBREAKS == *:* ]] && value=${value#"${typed%"${typed##*:}"}"}
                COMPREPLY+=("$value")
                ;;
        esac
    done < <(
        COMP_WORDS="${words[*]}" COMP_CWORD=$((${#words[@]} - 1)) \\
            _LADING_COMPLETE=bash_complete "$1"
    )
}

complete -o nosort -F _lading_completion lading
"""


@with_examples(
    Example("lading completion bash", "To be written into a file that the shell reads."),
    Example("lading completion fish", "The same for fish."),
)
@click.command()
@click.argument("shell", type=click.Choice(sorted(_FILES)))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that completes commands and images.

    It goes to ~/.local/share/bash-completion/completions/lading, for zsh to a file `_lading` in a
    folder of $fpath, for fish to ~/.config/fish/completions/lading.fish.
    """
    kind = shell_completion.get_completion_class(shell)
    assert kind is not None
    command = context.find_root().command
    script = kind(command, {}, "lading", "_LADING_COMPLETE").source()
    say(_BASH if shell == "bash" else script)
    say(f"Write it into {_FILES[shell]}", err=True)


def complete_image(
    context: click.Context,
    _parameter: click.Parameter,
    incomplete: str,
) -> "list[shell_completion.CompletionItem]":
    """The repositories that begin as is being typed; behind a colon the tags of one."""
    said = context.params.get
    speaking = options.SessionOptions(bool(said("plain_http")), bool(said("insecure")), said("ca"))
    where = places.Where(said("config"), said("server"), speaking)
    host, rest = places.split_host(incomplete, where)
    before = incomplete.removesuffix(rest)

    async def gather(source: "ImageSource") -> list[str]:
        repository, colon, _ = rest.partition(":")
        if not colon:
            return await _beginning(source.repositories(), rest)
        tag = rest.removeprefix(f"{repository}:")
        found = await _beginning(source.repository(repository).tags(), tag)
        return [f"{repository}:{name}" for name in found]

    def soon(source: "ImageSource") -> Awaitable[list[str]]:
        return asyncio.wait_for(gather(source), _SECONDS)

    try:
        with redirect_stderr(StringIO()):
            names = places.look(where, host, incomplete, soon)
    except TimeoutError:
        # A thread waits for the registry still, and Python would wait for the thread.
        os._exit(0)
    except Exception:  # noqa: BLE001 - nothing may be printed into a line that is being typed
        return []
    return [shell_completion.CompletionItem(f"{before}{name}") for name in names]


async def _beginning(names: AsyncIterator[str], typed: str) -> list[str]:
    """The first names that begin as is being typed."""
    found: list[str] = []
    seen = 0
    async for name in names:
        seen += 1
        if name.startswith(typed) and re.fullmatch(_NAME, name):
            found.append(name)
        if len(found) >= _MOST_SHOWN or seen >= _MOST_SEEN:
            break
    return found
