"""Sharing of what is known of logins, from the settings: among workers, or among replicas.

The workers of a machine have files and memory in common, replicas only the database.
"""

import math
import time
from collections.abc import Callable

from lading.auth.brake import Brake
from lading.auth.login_record import KnownLogins, LoginRecord, OwnRecord, rates_of
from lading.auth.secrets import SealedSecret, SecretFile, SecretInMemory
from lading.auth.shared_record import SharedRecord, shared_key
from lading.config.settings import Settings
from lading.metadata.logins.secrets import SecretRow
from lading.metadata.metadata import Metadata
from lading.ports.logins import Secret
from lading.wiring.paths import keys_path

# Names of rows.
_TOKEN_KEYS, _LOGIN_HASHES = "token-keys", "login-hashes"


def token_keys(settings: Settings, metadata: Metadata) -> Secret:
    """The keys that tokens are signed with."""
    if settings.may_have_replicas:
        return _row(settings, metadata, _TOKEN_KEYS)
    if settings.storage.driver == "inmemory":
        return SecretInMemory()
    return SecretFile(keys_path(settings.storage.directory))


async def open_brake(
    settings: Settings, metadata: Metadata, known: KnownLogins, clock: Callable[[], float]
) -> Brake:
    """The brake over guesses, with the record that workers or replicas share.

    Args:
        metadata: where replicas have what they share.
        known: logins that were right lately, as far as this machine knows.
        clock: in seconds since the epoch, the same for all replicas.
    """
    limit = settings.limits.failedlogins
    record: LoginRecord
    if settings.may_have_replicas:
        rates, rows = rates_of(limit), metadata.login_record
        key = await shared_key(_row(settings, metadata, _LOGIN_HASHES))
        record = SharedRecord(key, rows, rates, known, clock, time.monotonic)
    else:  # every worker counts for itself, so each has its share
        rates = rates_of(math.ceil(limit / settings.workers))
        record = OwnRecord(time.monotonic, known, rates)
    return Brake(time.monotonic, record, rates if limit else None)


def _row(settings: Settings, metadata: Metadata, name: str) -> Secret:
    row = SecretRow(metadata.secrets, name, time.monotonic)
    words = settings.http.secret
    return row if words is None else SealedSecret(row, words.text)
