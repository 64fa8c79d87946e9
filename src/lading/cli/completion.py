"""`lading completion`: what a shell needs to complete commands, options and their values."""

import click
from click.shell_completion import get_completion_class

from lading.cli.examples import Example, with_examples
from lading.cli.output import say

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
    kind = get_completion_class(shell)
    assert kind is not None
    command = context.find_root().command
    script = kind(command, {}, "lading", "_LADING_COMPLETE").source()
    say(_BASH if shell == "bash" else script)
    say(f"Write it into {_FILES[shell]}", err=True)
