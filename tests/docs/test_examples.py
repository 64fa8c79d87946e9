"""Commands in the documents: each is one that there is, with options and arguments that it has."""

import re
import shlex
from collections.abc import Iterator

import click
import pytest

from lading.cli.commands import main
from tests.support.commands import REPOSITORY

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
# A word that ends a command of a shell, and what comes before its name.
_ENDS = {"|", "||", "&&", ">", ">>", "<", ";", "&"}
_VARIABLE = re.compile(r"[A-Z_]+=.*")


def commands_in(text: str) -> Iterator[str]:
    """The lines that a person types, those joined that go on in the next one."""
    for block in re.findall(r"^```(?:console|sh|bash)\n(.*?)^```", text, re.M | re.S):
        joined = re.sub(r"\\\n>?\s*", "", block)
        for line in joined.splitlines():
            if line.startswith("$ "):
                yield line[2:]


def words_of(line: str) -> list[str]:
    """The words of the command `lading` in a line; none if it is another one."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for word in lexer:
        if word in _ENDS and words:
            break
        words = [] if word in _ENDS else [*words, word]
    while words and (_VARIABLE.fullmatch(words[0]) or words[0] == "sudo"):
        words.pop(0)
    return words[1:] if words and words[0] == "lading" else []


FOUND = [
    (page.name, line)
    for page in PAGES
    for line in commands_in(page.read_text())
    if "lading " in line and words_of(line)
]


def require_command(words: list[str]) -> None:
    """Require that there is a command that can be given these words.

    Raises:
        UsageError: there is none.
    """
    # A command keeps the option for its help as it was made first.
    names = main.context_settings["help_option_names"]
    context = click.Context(main, info_name="lading", help_option_names=names)
    command: click.Command = main
    while isinstance(command, click.Group):
        if words[0] in {"-h", "--help", "--version", "-v"}:
            return
        _, found, words = command.resolve_command(context, words)
        assert found is not None
        context, command = click.Context(found, parent=context, info_name=found.name), found
    given, rest, _ = command.make_parser(context).parse_args(words)
    for parameter in command.params:
        if isinstance(parameter, click.Argument) and parameter.required:
            assert given.get(str(parameter.name)), f"{parameter.name} is left out"
        if isinstance(parameter.type, click.Choice) and given.get(str(parameter.name)):
            parameter.type.convert(given[str(parameter.name)], parameter, context)
    assert rest == []


@pytest.mark.parametrize(("page", "line"), FOUND)
def test_it_can_be_typed(page: str, line: str) -> None:
    require_command(words_of(line))


def test_the_pages_on_moving_in_have_commands_for_each_way() -> None:
    used = {words_of(line)[0] for page, line in FOUND if page == "migrating.md"}
    assert used >= {"adopt", "export", "import", "cp", "login", "migrate", "serve"}


@pytest.mark.parametrize("words", [["adopt", "--nonsense"], ["sevre"], ["read-only", "maybe"]])
def test_what_cannot_be_typed_is_noticed(words: list[str]) -> None:
    with pytest.raises(click.UsageError):
        require_command(words)
