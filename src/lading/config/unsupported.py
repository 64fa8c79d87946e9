"""Unsupported keys: those of Distribution that lading knows and does not implement.

To pass over a key is right only if nobody could tell the difference. So each stands here with what
becomes of it: refused, because the registry would otherwise do what its operator did not ask for,
or a warning, because it cannot matter here. What is in neither class is an unknown key.
"""

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
        match self.refused:
            case Refused.ALWAYS:
                return True
            case Refused.FILLED:
                return _is_filled(value)
            case Refused.ENABLED:
                return _has_enabled_entry(value)
            case Refused.TRUE:
                return is_true(value)
            case Refused.NEVER:
                return False


def is_true(value: Value) -> bool:
    """Read the text of a boolean."""
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
    return any(not (isinstance(item, dict) and is_true(item.get("disabled"))) for item in value)


_DRIVER = "use `filesystem` or `s3`: this storage driver is not implemented"
_NO_COPY = "not needed: no object is ever copied"
_MIDDLEWARE = "remove it: middleware is not implemented"
_PROXY = "remove it: serving as a cache of another registry is not implemented"
_NO_PROXY = "not needed: lading is not a cache of another registry"
_URLS = "remove it: the URLs in manifests cannot be restricted"

UNSUPPORTED: tuple[UnsupportedKey, ...] = tuple(
    UnsupportedKey(key, refused, advice)
    for key, refused, advice in (
        ("loglevel", Refused.NEVER, "deprecated: write `log.level` instead"),
        ("log.hooks", Refused.ENABLED, "remove it: mail about log lines is not implemented"),
        ("log.reportcaller", Refused.NEVER, "not needed: lines name their logger"),
        ("storage.azure", Refused.ALWAYS, _DRIVER),
        ("storage.gcs", Refused.ALWAYS, _DRIVER),
        ("storage.swift", Refused.ALWAYS, _DRIVER),
        ("storage.oss", Refused.ALWAYS, _DRIVER),
        ("storage.s3.loglevel", Refused.NEVER, "not needed: what fails is logged"),
        ("storage.s3.multipartcopychunksize", Refused.NEVER, _NO_COPY),
        ("storage.s3.multipartcopymaxconcurrency", Refused.NEVER, _NO_COPY),
        ("storage.s3.multipartcopythresholdsize", Refused.NEVER, _NO_COPY),
        ("storage.filesystem.maxthreads", Refused.NEVER, "not needed: threads follow the load"),
        ("storage.cache", Refused.NEVER, "not needed: the database knows every blob"),
        ("storage.tag", Refused.NEVER, "not needed: tags are read in one query"),
        (
            "auth.silly",
            Refused.ALWAYS,
            "use `htpasswd` or `token`: this lets everybody in who sends anything",
        ),
        ("middleware.registry", Refused.ENABLED, _MIDDLEWARE),
        ("middleware.repository", Refused.ENABLED, _MIDDLEWARE),
        ("middleware.storage", Refused.ENABLED, _MIDDLEWARE),
        (
            "http.tls.letsencrypt",
            Refused.FILLED,
            "have an ACME client renew the files of `http.tls.certificate` and `http.tls.key`",
        ),
        ("http.http2", Refused.NEVER, "not needed: the server speaks HTTP/1.1"),
        ("http.h2c", Refused.NEVER, "not needed: the server speaks HTTP/1.1"),
        (
            "notifications.endpoints",
            Refused.ENABLED,
            "remove it, or write `disabled: true`: notifications are not implemented",
        ),
        ("notifications.events", Refused.NEVER, "not needed: no notifications are sent"),
        ("redis", Refused.NEVER, "not needed: there is no cache to keep in it"),
        ("proxy.remoteurl", Refused.FILLED, _PROXY),
        ("proxy.username", Refused.NEVER, _NO_PROXY),
        ("proxy.password", Refused.NEVER, _NO_PROXY),
        ("proxy.exec", Refused.NEVER, _NO_PROXY),
        ("proxy.ttl", Refused.NEVER, _NO_PROXY),
        ("proxy.cachewritetimeout", Refused.NEVER, _NO_PROXY),
        (
            "compatibility.schema1.enabled",
            Refused.TRUE,
            "remove it: manifests of schema 1 are not accepted; push with a newer client",
        ),
        (
            "compatibility.schema1.signingkeyfile",
            Refused.NEVER,
            "not needed: manifests of schema 1 are not served",
        ),
        ("validation.enabled", Refused.NEVER, "deprecated: write `validation.disabled` instead"),
        ("validation.manifests.urls.allow", Refused.FILLED, _URLS),
        ("validation.manifests.urls.deny", Refused.FILLED, _URLS),
        (
            "validation.manifests.indexes.platformlist",
            Refused.FILLED,
            "remove it: images are required of `all` platforms or of `none`",
        ),
        (
            "policy.repository.classes",
            Refused.FILLED,
            "remove it: artifacts of every kind are accepted",
        ),
        ("reporting", Refused.NEVER, "not needed: nothing is reported to a third party"),
    )
)
