"""`lading completion`: what a shell needs to complete commands, options and their values."""

import click
from click.shell_completion import get_completion_class

from lading.cli.examples import Example, with_examples

_FILES = {
    "bash": "~/.local/share/bash-completion/completions/lading",
    "zsh": "a file `_lading` in a folder of $fpath",
    "fish": "~/.config/fish/completions/lading.fish",
}


@with_examples(
    Example("lading completion bash", "To be written into a file that the shell reads."),
    Example("lading completion fish", "The same for fish."),
)
@click.command()
@click.argument("shell", type=click.Choice(sorted(_FILES)))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what makes a shell complete commands and options.

    It goes to ~/.local/share/bash-completion/completions/lading, for zsh to a file `_lading` in a
    folder of $fpath, for fish to ~/.config/fish/completions/lading.fish.
    """
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(context.find_root().command, {}, "lading", "_LADING_COMPLETE").source())
    click.echo(f"Write it into {_FILES[shell]}", err=True)
