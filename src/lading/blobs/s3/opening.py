"""Opening a bucket with obstore, which is loaded only when one is opened."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lading.blobs.s3.access_keys import AccessKeys, find_keys
from lading.blobs.s3.attempts import (
    ATTEMPT,
    FIRST_PAUSE,
    LONGEST_PAUSE,
    PATIENCE,
    SLOWEST,
    advice_for,
    words_of,
)
from lading.blobs.s3.bucket import BucketUnusable, S3Bucket
from lading.blobs.s3.role_keys import RoleKeys
from lading.system.proxies import PROXY_VARIABLES, proxy_for, variable

if TYPE_CHECKING:
    from obstore.store import S3Credential, S3Store

# For a download that takes as long as its client does; what stands still is noticed elsewhere.
_LONG = timedelta(days=7)
# Servers close idle connections after about a minute, and what is sent on one of those is lost.
_IDLE = timedelta(seconds=20)
# Repeats of a part of a large object.
_REPEATS = 6


@dataclass(frozen=True, slots=True)
class OpenBucket:
    """A bucket that is open.

    Attributes:
        keys: that requests are signed with, or the role that is asked for them.
        once: makes each request once.
        again: repeats by itself what was in vain: for the parts of an object, whose bytes nobody
            else has.
    """

    keys: AccessKeys | RoleKeys
    once: "S3Store"
    again: "S3Store"


def open_bucket(bucket: S3Bucket, environ: Mapping[str, str] = os.environ) -> OpenBucket:
    """Open a bucket; nothing is asked of the server yet.

    Raises:
        BucketUnusable: there are no keys where the environment says that there are, or obstore
            cannot make sense of how to reach it.
    """
    keys = find_keys(bucket, environ) or RoleKeys(bucket.region, environ)
    part = timedelta(seconds=ATTEMPT + bucket.part_size / SLOWEST)
    patience = timedelta(seconds=PATIENCE) + part
    store = partial(_store, bucket, keys, environ)
    try:
        return OpenBucket(
            keys,
            store(timeout=_LONG, retries=0),
            store(timeout=part, retries=_REPEATS, patience=patience),
        )
    except Exception as error:  # Rust's have a class for each of several things
        said = f"{words_of(error).rstrip('.')}{advice_for(str(error))}"
        raise BucketUnusable(
            "no client of the object store can be made of its address, its certificates and the"
            f" proxies that the environment names: {said}"
        ) from error


def _renewed(keys: RoleKeys) -> "S3Credential":
    """The keys of a role as obstore asks for them, in a thread of its own."""
    found, ends_at = keys.get()
    return {
        "access_key_id": found.id,
        "secret_access_key": found.secret,
        "token": found.token or None,
        "expires_at": datetime.fromtimestamp(ends_at, UTC),
    }


def _store(
    bucket: S3Bucket,
    keys: AccessKeys | RoleKeys,
    environ: Mapping[str, str],
    *,
    timeout: timedelta,
    retries: int,
    patience: timedelta = timedelta(),
) -> "S3Store":
    from obstore.store import S3Store  # noqa: PLC0415 - only who uses it loads it

    address = bucket.own_address
    return S3Store(
        config=_config(bucket, keys, address),  # type: ignore[arg-type]
        credential_provider=None if isinstance(keys, AccessKeys) else partial(_renewed, keys),
        client_options={  # type: ignore[arg-type]
            **_client_of(bucket, address),
            **options_of(address, environ),
            "timeout": timeout,
        },
        retry_config={
            "max_retries": retries,
            "retry_timeout": patience,
            "backoff": {
                "init_backoff": timedelta(seconds=FIRST_PAUSE),
                "max_backoff": timedelta(seconds=LONGEST_PAUSE),
            },
        },
    )


def _config(bucket: S3Bucket, keys: AccessKeys | RoleKeys, address: str) -> dict[str, object]:
    own = keys if isinstance(keys, AccessKeys) else AccessKeys("", "")
    config: dict[str, object] = {
        "bucket": bucket.name,
        "region": bucket.region,
        "endpoint": address,
        "virtual_hosted_style_request": not bucket.path_style,
        # TLS protects the bytes already; otherwise the signature does.
        "unsigned_payload": address.startswith("https:"),
        "access_key_id": own.id,
        "secret_access_key": own.secret,
        "session_token": own.token,
        "server_side_encryption": bucket.encryption,
        "sse_kms_key_id": bucket.encryption_key,
    }
    return {name: value for name, value in config.items() if value != ""}


def _client_of(bucket: S3Bucket, address: str) -> dict[str, object]:
    client: dict[str, object] = {
        "allow_http": not address.startswith("https:"),
        "allow_invalid_certificates": not bucket.verify,
        "connect_timeout": timedelta(seconds=ATTEMPT / 2),
        "default_content_type": "application/octet-stream",
        "pool_idle_timeout": _IDLE,
        "user_agent": bucket.user_agent,
    }
    if bucket.authorities:
        client["root_certificate"] = bucket.authorities
    return client


def options_of(address: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """The options of obstore's client by which it asks a server as `proxy_for` says."""
    if proxy := proxy_for(address, environ):
        return {"proxy_url": proxy}
    if any(variable(environ, name) for name in PROXY_VARIABLES):  # which it would look at by itself
        host = urlsplit(address).hostname or ""
        return {"proxy_url": "http://nobody.invalid", "proxy_excludes": host}
    return {}
