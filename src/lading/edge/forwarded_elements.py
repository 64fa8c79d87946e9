"""What proxies write where addresses belong: with ports, in brackets, and as RFC 7239 has it."""

import re
from collections.abc import Mapping, Sequence

# RFC 7239, section 4: `for=192.0.2.60;proto=http`, with values that may be in quotes.
_VALUE = r'(?:[^\s;,="\\]*|"(?:[^"\\]|\\.)*")'
_PAIR = re.compile(rf"\s*([A-Za-z]{{1,16}})=({_VALUE})\s*(?:([;,])|$)", re.ASCII)
# Azure's gateway and IIS add the client's port; an address of IPv6 is in brackets then.
_NODE = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\d{1,5})?|([0-9.]+):\d{1,5}", re.ASCII)


def address_in(node: str) -> str:
    """The address in what a proxy says of a client, without the port."""
    node = node.strip()
    match = _NODE.fullmatch(node)
    return (match[1] or match[2]) if match else node


def parse_forwarded(header: str) -> Sequence[Mapping[str, str]]:
    """The elements of a `Forwarded` header, one of each proxy; those behind what cannot be read.

    A proxy appends to what a client has sent, which may be a quote that does not end.
    """
    elements: list[dict[str, str]] = [{}]
    place = 0
    while place < len(header):
        match = _PAIR.match(header, place)
        if match is None:
            elements = [{}]
            place = header.find(",", place) + 1 or len(header)
            continue
        name, value, end = match.groups()
        if value.startswith('"'):
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        elements[-1][name.lower()] = value
        if end == ",":
            elements.append({})
        place = match.end()
    return elements
