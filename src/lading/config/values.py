"""Values of settings: the kinds that there are, each checked when it is read.

A message says what to write, not only what is wrong. None repeats what it was given: a URL may
hold a password, and the place that the problem names shows it anyway.
"""

import re
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, PlainValidator

from lading.config.ciphers import OPENSSL_NAMES, TLS_1_3
from lading.config.durations import parse_duration
from lading.config.hidden import HiddenText, read_hidden
from lading.core.claims import ClaimPattern, RepositoryTemplate
from lading.core.globs import Glob
from lading.core.typing import T
from lading.core.urls import is_protected

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# RFC 3986: what a URL is made of, without `#`, which starts what is not sent.
_URL_TEXT = re.compile(r"[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]+")
_LOCATION = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+/")
_SIZE = re.compile(r"(\d{1,15}) ?(KiB|MiB|GiB|TiB|)", re.ASCII)
_UNITS = ("", "KiB", "MiB", "GiB", "TiB")
_FRAMING = frozenset({"connection", "content-length", "date", "transfer-encoding", "upgrade"})


def _duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str):
        return parse_duration(value)
    raise ValueError("write a duration such as `168h`, `1h30m` or `500ms`")


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("write a duration above zero")
    return value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _file_path(value: Path) -> Path:
    if not str(value).isprintable():
        raise ValueError("write a path without control characters")
    return value


def _not_empty(value: object) -> object:
    if value == "":
        raise ValueError("write a path, or leave the key out")
    return value


def _header_name(value: str) -> str:
    if not _TOKEN.fullmatch(value):
        raise ValueError("write a header name: letters, digits and `-`")
    if value.lower() in _FRAMING:
        raise ValueError("remove it: the server sets this header itself")
    return value


def _header_value(value: str) -> str:
    if not (value.isascii() and value.isprintable()) or value != value.strip():
        raise ValueError("write ASCII text without control characters or spaces around it")
    return value


def _is_web_address(value: str) -> bool:
    """Whether it begins as a URL of HTTP does: with a scheme, a host, and a port that there is."""
    try:
        url = urlsplit(value)
        return url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
    except ValueError:
        return False


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


def _location(value: str) -> str:
    if not _LOCATION.fullmatch(value):
        raise ValueError("write a path that starts and ends with `/`, as in `/_blobs/`")
    return value


def _empty_is_none(value: object) -> object:
    return None if value == "" else value


def _cipher_suite(value: str) -> str:
    if value not in OPENSSL_NAMES and value not in TLS_1_3:
        raise ValueError(
            "write names such as `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`, without those that"
            " OpenSSL no longer has, or leave the list out"
        )
    return value


def _size(value: object) -> object:
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return value
    return int(match[1]) * 1024 ** _UNITS.index(match[2] or "")


def _phrase(value: str) -> str:
    if not (value and value.isprintable()) or value != value.strip():
        raise ValueError("write a name, without control characters or spaces around it")
    return value


def _workload_name(value: str) -> str:
    if ":" in value:
        raise ValueError("write a name without `:`, which ends it in `name:subject`")
    return value


def _token_realm(value: str) -> str:
    is_url = _is_web_address(value) and _URL_TEXT.fullmatch(value) is not None
    if not is_url or "@" in urlsplit(value).netloc:
        raise ValueError("write a URL, as in `https://auth.example.com/token`")
    return value


def _request_path(value: str) -> str:
    if not value.startswith("/") or _URL_TEXT.fullmatch(value) is None:
        raise ValueError("write a path that starts with `/`, as in `/auth/token`")
    return value


def _jwks_source(value: str) -> str:
    if value.startswith("http://"):
        raise ValueError("write an `https://` URL: keys that come unprotected protect nothing")
    return _token_realm(value) if value.startswith("https://") else str(_file_path(Path(value)))


def _issuer(value: str) -> str:
    url = _token_realm(value)
    if not is_protected(url) or any(character in url for character in "?#"):
        raise ValueError("write the issuer's URL, as in `https://gitlab.example.com`")
    return url


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


def at_least_one(value: tuple[T, ...]) -> tuple[T, ...]:
    """Refuse an empty list, once what is in it is known to be right.

    Raises:
        ValueError: it is empty.
    """
    if not value:
        raise ValueError("write at least one")
    return value


def _pattern(value: object) -> Glob:
    if isinstance(value, str):
        return Glob(value)
    raise ValueError("write a pattern for names, as in `team/**` or `v*`")


def _repository_pattern(value: object) -> Glob:
    pattern = _pattern(value)
    if pattern != pattern.lower():
        raise ValueError("write it in lower case, as repository names are")
    return pattern


Size = Annotated[int, BeforeValidator(_size)]
Duration = Annotated[timedelta, BeforeValidator(_duration)]
PositiveDuration = Annotated[timedelta, BeforeValidator(_duration), AfterValidator(_positive)]
FilePath = Annotated[Path, BeforeValidator(_not_empty), AfterValidator(_file_path)]
OptionalPath = Annotated[FilePath | None, BeforeValidator(_empty_is_none)]
HeaderName = Annotated[str, AfterValidator(_header_name)]
HeaderValue = Annotated[str, AfterValidator(_header_value)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]
Hidden = Annotated[HiddenText | None, PlainValidator(read_hidden)]
PathPrefix = Annotated[str, AfterValidator(_path_prefix)]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]
LocationPrefix = Annotated[str, AfterValidator(_location)]
CipherSuite = Annotated[str, AfterValidator(_cipher_suite)]
TagPattern = Annotated[Glob, PlainValidator(_pattern)]
RepositoryPattern = Annotated[Glob, PlainValidator(_repository_pattern)]
ClaimPatterns = Annotated[tuple[ClaimPattern, ...], PlainValidator(_claim_patterns)]
ClaimedRepositories = Annotated[RepositoryTemplate, PlainValidator(_repository_template)]
IssuerUrl = Annotated[str, AfterValidator(_issuer)]
Phrase = Annotated[str, AfterValidator(_phrase)]
WorkloadName = Annotated[Phrase, AfterValidator(_workload_name)]
TokenRealm = Annotated[str, AfterValidator(_token_realm)]
RequestPath = Annotated[str, AfterValidator(_request_path)]
JwksSource = Annotated[str, BeforeValidator(_not_empty), AfterValidator(_jwks_source)]
AnyCase = BeforeValidator(_lower)
