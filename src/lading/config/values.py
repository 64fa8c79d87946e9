"""Values of settings: the kinds that there are, each checked when it is read.

A message says what to write, not only what is wrong. None repeats what it was given: a URL may
hold a password, and the place that the problem names shows it anyway.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, PlainValidator

from lading.config.durations import parse_duration
from lading.core.claims import ClaimPattern, RepositoryTemplate
from lading.core.globs import Glob
from lading.core.typing import T
from lading.core.urls import is_protected

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# RFC 3986: what a URL is made of, without `#`, which starts what is not sent.
_URL_TEXT = re.compile(r"[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]+")
_SIZE = re.compile(r"(\d{1,15}) ?(KiB|MiB|GiB|TiB|)", re.ASCII)
_UNITS = ("", "KiB", "MiB", "GiB", "TiB")
_WRITE_PRINTABLE = "write a path without control characters"
_WRITE_URL = "write a URL, as in `https://auth.example.com/token`"
_FRAMING = frozenset({"connection", "content-length", "date", "transfer-encoding", "upgrade"})


class HiddenText:
    """A secret, which is not shown as text; no dataclass, of which pydantic dumps the fields.

    Attributes:
        text: what nobody else is to see.
    """

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HiddenText) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return "***"


def checked(is_right: Callable[[Any], object], advice: str) -> AfterValidator:
    """A check of a value that was read; where it is not right, the advice says what to write."""

    def check(value: T) -> T:
        if not is_right(value):
            raise ValueError(advice)
        return value

    return AfterValidator(check)


def _hidden(value: object) -> HiddenText | None:
    """A secret; an empty one is none."""
    if isinstance(value, HiddenText) or value is None:
        return value
    if isinstance(value, str):
        return HiddenText(value) if value else None
    raise ValueError("write one value, as text")


def _duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str):
        return parse_duration(value)
    raise ValueError("write a duration such as `168h`, `1h30m` or `500ms`")


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _not_empty(value: object) -> object:
    if value == "":
        raise ValueError("write a path, or leave the key out")
    return value


def _is_web_address(value: str) -> bool:
    """Whether it begins as a URL of HTTP does: with a scheme, a host, and a port that there is."""
    try:
        url = urlsplit(value)
        return url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
    except ValueError:
        return False


def _is_url(value: str) -> bool:
    """Whether it is a URL of HTTP, without a user and what is not sent."""
    is_whole = _is_web_address(value) and _URL_TEXT.fullmatch(value) is not None
    return is_whole and "@" not in urlsplit(value).netloc


def _base_url(value: str) -> str:
    if not _is_web_address(value) or not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("write the address clients use, as in `https://registry.example.com`")
    if any(character in value for character in "?#@"):
        raise ValueError("write the URL without a user, `?` or `#`")
    return value.rstrip("/")


def _path_prefix(value: str) -> str:
    if value in {"", "/"}:
        return ""
    if not re.fullmatch(r"/(?:[A-Za-z0-9_~-][A-Za-z0-9._~-]*/)+", value, re.ASCII):
        raise ValueError("write a path that begins and ends with a slash, as in `/registry/`")
    return value.rstrip("/")


def _network(value: object) -> IPv4Network | IPv6Network:
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    try:
        return ip_network(str(value))
    except ValueError as error:
        advice = "write an address or a network, as in `10.1.2.3` or `10.1.0.0/16`"
        raise ValueError(advice) from error


def _empty_is_none(value: object) -> object:
    return None if value == "" else value


def _size(value: object) -> object:
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return value
    return int(match[1]) * 1024 ** _UNITS.index(match[2] or "")


def _jwks_source(value: str) -> str:
    if value.startswith("http://"):
        raise ValueError("write an `https://` URL: keys that come unprotected protect nothing")
    if value.startswith("https://"):
        if not _is_url(value):
            raise ValueError(_WRITE_URL)
        return value
    if not value.isprintable():
        raise ValueError(_WRITE_PRINTABLE)
    return str(Path(value))


def _claim_patterns(value: object) -> tuple[ClaimPattern, ...]:
    """One pattern of claims, or a list of them."""
    texts = value if isinstance(value, list | tuple) else [value]
    patterns = tuple(ClaimPattern(text) for text in texts if isinstance(text, str) and text)
    if not patterns or len(patterns) != len(texts):
        raise ValueError("write a text with `*` for any characters, or a list of such texts")
    return patterns


def _repository_template(value: object) -> RepositoryTemplate:
    if isinstance(value, str):
        return RepositoryTemplate(value)
    raise ValueError("write a pattern for repositories, as in `team/**`")


def _pattern(value: object) -> Glob:
    if isinstance(value, str):
        return Glob(value)
    raise ValueError("write a pattern for names, as in `team/**` or `v*`")


Size = Annotated[int, BeforeValidator(_size)]
Duration = Annotated[timedelta, BeforeValidator(_duration)]
PositiveDuration = Annotated[
    Duration, checked(lambda duration: duration > timedelta(0), "write a duration above zero")
]
FilePath = Annotated[
    Path,
    BeforeValidator(_not_empty),
    checked(lambda path: str(path).isprintable(), _WRITE_PRINTABLE),
]
OptionalPath = Annotated[FilePath | None, BeforeValidator(_empty_is_none)]
HeaderName = Annotated[
    str,
    checked(_TOKEN.fullmatch, "write a header name: letters, digits and `-`"),
    checked(
        lambda name: name.lower() not in _FRAMING, "remove it: the server sets this header itself"
    ),
]
HeaderValue = Annotated[
    str,
    checked(
        lambda text: text.isascii() and text.isprintable() and text == text.strip(),
        "write ASCII text without control characters or spaces around it",
    ),
]
BaseUrl = Annotated[str, AfterValidator(_base_url)]
Hidden = Annotated[HiddenText | None, PlainValidator(_hidden)]
PathPrefix = Annotated[str, AfterValidator(_path_prefix)]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]
TagPattern = Annotated[Glob, PlainValidator(_pattern)]
RepositoryPattern = Annotated[
    TagPattern,
    checked(
        lambda pattern: pattern == pattern.lower(),
        "write it in lower case, as repository names are",
    ),
]
ClaimPatterns = Annotated[tuple[ClaimPattern, ...], PlainValidator(_claim_patterns)]
ClaimedRepositories = Annotated[RepositoryTemplate, PlainValidator(_repository_template)]
Phrase = Annotated[
    str,
    checked(
        lambda text: text and text.isprintable() and text == text.strip(),
        "write a name, without control characters or spaces around it",
    ),
]
TokenRealm = Annotated[str, checked(_is_url, _WRITE_URL)]
IssuerUrl = Annotated[
    TokenRealm,
    checked(
        lambda url: is_protected(url) and not {"?", "#"} & set(url),
        "write the issuer's URL, as in `https://gitlab.example.com`",
    ),
]
RequestPath = Annotated[
    str,
    checked(
        lambda path: path.startswith("/") and _URL_TEXT.fullmatch(path),
        "write a path that starts with `/`, as in `/auth/token`",
    ),
]
JwksSource = Annotated[str, BeforeValidator(_not_empty), AfterValidator(_jwks_source)]
AnyCase = BeforeValidator(_lower)
