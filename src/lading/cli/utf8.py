"""UTF-8: text of the command line, or of standard input, that others are going to read."""

import click


def require_utf8(text: str, what: str) -> str:
    """The text, if it is in UTF-8: others would not find it again by the bytes that it has here.

    Raises:
        UsageError: it is not in UTF-8.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise click.UsageError(f"write {what} in UTF-8") from error
    return text
