"""Text of strangers in lines that people and programs read: what is no sign of its own is escaped.

A line of a log ends where its writer says, and nowhere else: not at a line end in a name, nor at
one of Unicode's (U+0085, U+2028, U+2029); and what is on it is read in the order in which it is
there, whatever signs for the other direction of writing it holds.
"""


def printable(text: str, also: str = "") -> str:
    """The text, with escapes for all that does not print, such as `\\x0a`, `\\u2028`.

    Args:
        text: any.
        also: signs to escape as well.
    """
    if text.isprintable():
        for sign in also:  # written out: this is done several times for each request
            if sign in text:
                break
        else:
            return text
    return "".join(
        char if char.isprintable() and char not in also else _escape(ord(char)) for char in text
    )


def _escape(code: int) -> str:
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
