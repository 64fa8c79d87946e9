"""Access keys: with what requests to the object store are signed, and where it is found.

The order is that of Amazon's own programs: the configuration, the environment, a role that the
environment names (web identity, container), the profile in `~/.aws`, and the machine's own role.
See `role_keys` for those of roles.
"""

import configparser
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lading.blobs.s3.bucket import BucketUnusable, S3Bucket

# Variables by which the environment names a role.
_ROLES = (
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
# Settings of a profile that are followed by larger programs only.
_UNSUPPORTED = ("credential_process", "source_profile", "sso_session", "sso_start_url")


@dataclass(frozen=True, slots=True)
class AccessKeys:
    """Keys to sign with, and the token of a session unless they last."""

    id: str
    secret: str = field(repr=False)
    token: str = field(default="", repr=False)


def find_keys(bucket: S3Bucket, environ: Mapping[str, str] = os.environ) -> AccessKeys | None:
    """The keys that can be read here; `None` if there is a role to be asked for them.

    Raises:
        BucketUnusable: the environment names a profile that has none.
    """
    if bucket.access_key:
        return AccessKeys(bucket.access_key, bucket.secret_key)
    named, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    if named and secret:
        return AccessKeys(named, secret, environ.get("AWS_SESSION_TOKEN", ""))
    if any(environ.get(name) for name in _ROLES):
        return None
    return read_profile(environ)


def read_profile(environ: Mapping[str, str]) -> AccessKeys | None:
    """The keys of the profile in files that Amazon's programs share; `None` if there is none."""
    profile = environ.get("AWS_PROFILE") or "default"
    home = Path(environ.get("HOME") or "/nonexistent") / ".aws"
    found = configparser.RawConfigParser(strict=False)
    _read_into(found, environ.get("AWS_CONFIG_FILE") or home / "config")
    _read_into(found, environ.get("AWS_SHARED_CREDENTIALS_FILE") or home / "credentials")
    # In the file of settings, other profiles than the default have a section `profile NAME`.
    values: dict[str, str] = {}
    for section in (f"profile {profile}", profile):
        if found.has_section(section):
            values |= dict(found.items(section))
    if values.get("aws_access_key_id") and values.get("aws_secret_access_key"):
        token = values.get("aws_session_token", "")
        return AccessKeys(values["aws_access_key_id"], values["aws_secret_access_key"], token)
    if wanted := [key for key in _UNSUPPORTED if key in values]:
        raise BucketUnusable(
            f"the profile `{profile}` asks for `{wanted[0]}`, which is not followed here: write"
            " storage.s3.accesskey and secretkey, set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY,"
            " or give the machine or the container a role"
        )
    if "AWS_PROFILE" in environ:
        raise BucketUnusable(f"there is no profile `{profile}` with aws_access_key_id in ~/.aws")
    return None


def _read_into(profiles: configparser.RawConfigParser, path: Path | str) -> None:
    try:
        profiles.read(path)
    except (configparser.Error, UnicodeDecodeError):
        # Without its cause, which quotes what is there: that may be a secret.
        raise BucketUnusable(
            f"{path} is no file of profiles: mend it, or write storage.s3.accesskey and secretkey"
        ) from None
