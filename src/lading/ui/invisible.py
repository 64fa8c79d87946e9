"""Signs that nobody sees, and that make others see something else: pages show them as escapes.

Whoever pushes an image writes its labels, its commands and its files. A mark that turns the
direction of writing makes `rm -rf /` read as something else, and a space of no width makes two
names look alike; so these stand as in JSON (`\\u202e`), as names of files do. Marks that scripts
need which are written from the right, and those that join letters, stay as they are.
"""

import re

_SIGNS = re.compile(
    "["
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # controls, but for those of lines and columns
    "\xad\u180e\u200b\u2060-\u2064\ufeff"  # of no width
    "\u2028\u2029\u3164\uffa0\ufff9-\ufffb"  # ends of lines, letters that are blank, marks of notes
    "\u202a-\u202e\u2066-\u206f"  # turn what follows, or have its numbers in other shapes
    "\U000e0000-\U000e007f"  # tags
    "]"
)


def visible(value: object) -> object:
    """What a template says, with escapes for such signs; what is HTML already has none."""
    if type(value) is not str or value.isprintable():
        return value
    return _SIGNS.sub(_escape, value)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
