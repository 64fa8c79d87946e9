"""Command lines for a reader to run: a shell reads each of their words as it is meant.

A path may have spaces and quotes in it, and who copies the line runs it without looking.
"""


def command_line(*words: object) -> str:
    """The line of a command and its arguments; those that are `None` are left out."""
    return " ".join(_quoted(str(word)) for word in words if word is not None)


def _quoted(word: str) -> str:
    """A word, of which the value alone is in quotes if it is a long option's."""
    from shlex import quote  # noqa: PLC0415 - of all that is loaded with this, little prints a line

    option, sign, value = word.partition("=")
    return f"{option}={quote(value)}" if sign and option.startswith("--") else quote(word)
