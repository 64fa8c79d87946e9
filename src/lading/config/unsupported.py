"""Unsupported keys: those of Distribution that lading knows and does not implement.

To pass over a key is right only if nobody could tell the difference. So each stands here with what
becomes of it: refused, because the registry would otherwise do what its operator did not ask for,
or a warning, because it cannot matter here. What is in neither class is an unknown key.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from lading.config.document import Value

_TRUE = frozenset({"true", "yes", "on", "y", "t", "1"})


class Refused(StrEnum):
    """The condition on which a key is a reason not to start; otherwise it is worth a warning."""

    ALWAYS = "always"
    FILLED = "if it is not empty"
    ENABLED = "if an entry is not `disabled: true`"
    TRUE = "if it is true"
    NEVER = "never"


@dataclass(frozen=True)
class UnsupportedKey:
    """An unsupported key with all that is below it.

    Attributes:
        key: the dotted key.
        refused: on what condition its value is refused.
        advice: what to do instead, or why nothing need be done.
    """

    key: str
    refused: Refused
    advice: str

    def refuses(self, value: Value) -> bool:
        """Say whether this value is refused, rather than warned about."""
        return _CONDITIONS[self.refused](value)


def _is_true(value: Value) -> bool:
    """Whether it is the text of a boolean that is true."""
    return isinstance(value, str) and value.lower() in _TRUE


def _is_filled(value: Value) -> bool:
    if isinstance(value, dict):
        return any(_is_filled(item) for item in value.values())
    if isinstance(value, list):
        return any(_is_filled(item) for item in value)
    return bool(value)


def _has_enabled_entry(value: Value) -> bool:
    if not isinstance(value, list):
        return _is_filled(value)
    return any(not (isinstance(item, dict) and _is_true(item.get("disabled"))) for item in value)


_CONDITIONS: Mapping[Refused, Callable[[Value], bool]] = {
    Refused.ALWAYS: lambda _: True,
    Refused.FILLED: _is_filled,
    Refused.ENABLED: _has_enabled_entry,
    Refused.TRUE: _is_true,
    Refused.NEVER: lambda _: False,
}

_DRIVER = "use `filesystem` or `s3`: this storage driver is not implemented"
_NO_COPY = "not needed: no object is ever copied"
_NO_HTTP2 = "not needed: the server speaks HTTP/1.1"
_MIDDLEWARE = "remove it: middleware is not implemented"
_NO_PROXY = "not needed: lading is not a cache of another registry"
_URLS = "remove it: the URLs in manifests cannot be restricted"

_ADVICE: Mapping[Refused, Mapping[str, str]] = {
    Refused.ALWAYS: {
        "storage.azure": _DRIVER,
        "storage.gcs": _DRIVER,
        "storage.swift": _DRIVER,
        "storage.oss": _DRIVER,
        "auth.silly": "use `htpasswd` or `token`: this lets everybody in who sends anything",
    },
    Refused.FILLED: {
        "http.tls.letsencrypt": "have an ACME client renew the files of `http.tls.certificate` and"
        " `http.tls.key`",
        "proxy.remoteurl": "remove it: serving as a cache of another registry is not implemented",
        "validation.manifests.urls.allow": _URLS,
        "validation.manifests.urls.deny": _URLS,
        "validation.manifests.indexes.platformlist": "remove it: images are required of `all`"
        " platforms or of `none`",
        "policy.repository.classes": "remove it: artifacts of every kind are accepted",
    },
    Refused.ENABLED: {
        "log.hooks": "remove it: mail about log lines is not implemented",
        "middleware.registry": _MIDDLEWARE,
        "middleware.repository": _MIDDLEWARE,
        "middleware.storage": _MIDDLEWARE,
        "notifications.endpoints": "remove it, or write `disabled: true`: notifications are not"
        " implemented",
    },
    Refused.TRUE: {
        "compatibility.schema1.enabled": "remove it: manifests of schema 1 are not accepted; push"
        " with a newer client",
    },
    Refused.NEVER: {
        "loglevel": "deprecated: write `log.level` instead",
        "log.reportcaller": "not needed: lines name their logger",
        "storage.s3.loglevel": "not needed: what fails is logged",
        "storage.s3.multipartcopychunksize": _NO_COPY,
        "storage.s3.multipartcopymaxconcurrency": _NO_COPY,
        "storage.s3.multipartcopythresholdsize": _NO_COPY,
        "storage.filesystem.maxthreads": "not needed: threads follow the load",
        "storage.cache": "not needed: the database knows every blob",
        "storage.tag": "not needed: tags are read in one query",
        "http.http2": _NO_HTTP2,
        "http.h2c": _NO_HTTP2,
        "notifications.events": "not needed: no notifications are sent",
        "redis": "not needed: there is no cache to keep in it",
        "proxy.username": _NO_PROXY,
        "proxy.password": _NO_PROXY,
        "proxy.exec": _NO_PROXY,
        "proxy.ttl": _NO_PROXY,
        "proxy.cachewritetimeout": _NO_PROXY,
        "compatibility.schema1.signingkeyfile": "not needed: manifests of schema 1 are not served",
        "validation.enabled": "deprecated: write `validation.disabled` instead",
        "reporting": "not needed: nothing is reported to a third party",
    },
}
UNSUPPORTED = tuple(
    UnsupportedKey(key, refused, advice)
    for refused, keys in _ADVICE.items()
    for key, advice in keys.items()
)
