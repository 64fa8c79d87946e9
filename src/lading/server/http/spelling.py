"""How names of headers are written: `Docker-Content-Digest`, as people do and scripts grep for it.

To programs their case means nothing (RFC 9110, 5.1), and ASGI has them in lower case.
"""

from collections.abc import Mapping
from functools import lru_cache

# Parts of names that are not written as words are.
_PARTS = {
    b"etag": b"ETag",
    b"id": b"ID",
    b"md5": b"MD5",
    b"nel": b"NEL",
    b"oci": b"OCI",
    b"ua": b"UA",
    b"uuid": b"UUID",
    b"www": b"WWW",
    b"xss": b"XSS",
}

# What ends a line of a head for some reader, or the head itself.
_CR, _LF, _NUL = b"\r\n\0"


@lru_cache(maxsize=256)  # most of one response are those of the next one, too
def header_line(name: bytes, value: bytes) -> bytes:
    """A header as it goes over the wire, by its name in lower case.

    Raises:
        ValueError: it would be more than one line.
    """
    line = b"%b: %b" % (_spelled(name), value)
    # One by one: by a pattern it takes more than ten times as long, for each new value.
    if _CR in line or _LF in line or _NUL in line:
        raise ValueError(f"a header of the response holds a line break: {line!r}")
    return line + b"\r\n"


@lru_cache(maxsize=256)  # the application has a few dozen
def _spelled(name: bytes) -> bytes:
    return b"-".join(_PARTS.get(part, part.capitalize()) for part in name.split(b"-"))


def render_lines(headers: Mapping[str, str]) -> bytes:
    """Headers as they go over the wire; of those with one name, however written, the last one."""
    unique = {name.lower().encode("latin-1"): value for name, value in headers.items()}
    return b"".join(header_line(name, value.encode("latin-1")) for name, value in unique.items())
