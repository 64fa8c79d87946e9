"""How names of headers are written: `Docker-Content-Digest`, as people do and scripts grep for it.

To programs their case means nothing (RFC 9110, 5.1), and ASGI has them in lower case.
"""

from collections.abc import Mapping

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


class _Beginnings(dict[bytes, bytes]):
    """Made when a name comes for the first time; the application has a few dozen."""

    def __missing__(self, name: bytes) -> bytes:
        parts = (_PARTS.get(part, part.capitalize()) for part in name.split(b"-"))
        beginning = self[name] = b"-".join(parts) + b": "
        return beginning


BEGINNINGS: Mapping[bytes, bytes] = _Beginnings()
"""Of a header's line, up to its value, by its name in lower case."""


def render_lines(headers: Mapping[str, str]) -> bytes:
    """Headers as they go over the wire; of those with one name, however written, the last one."""
    unique = {name.lower().encode("latin-1"): value for name, value in headers.items()}
    return b"".join(
        b"%b%b\r\n" % (BEGINNINGS[name], value.encode("latin-1")) for name, value in unique.items()
    )
