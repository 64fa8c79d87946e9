"""Record of logins that all replicas have together, as rows.

What one replica has found right, each knows within a request, and whoever guesses has as many tries
at all of them together as at one. It is asked when a password is checked, which takes a hundred
times as long. While the database cannot be written, each worker counts by itself.
"""

import logging
import os
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from lading.auth.login_record import (
    Bucket,
    CountedFor,
    Judge,
    KnownLogins,
    LoginRecord,
    OwnRecord,
    Rates,
    Verdict,
)
from lading.core.clocks import SLACK
from lading.core.errors import RegistryError
from lading.core.typing import override
from lading.metadata.logins.login_record import GuessBucket, RecordRows
from lading.ports.logins import Secret

# Of the time for which something is remembered: how much may be over until it is written again.
_WORN = 0.1
# Seconds between clearing away what is over.
_CLEARING = 60.0
_KEY_SIZE = 32

log = logging.getLogger(__name__)


class SharedRecord(LoginRecord):
    """The record of all replicas.

    Args:
        key: of the hashes; that of all replicas.
        rows: which all replicas share.
        near: what was right lately, as far as this machine knows.
        clock: in seconds since the epoch, the same for all replicas.
        steady: in seconds; it only goes forward, and all workers of the machine have the same.
    """

    def __init__(
        self,
        key: bytes,
        rows: RecordRows,
        rates: Rates,
        near: KnownLogins,
        clock: Callable[[], float],
        steady: Callable[[], float],
    ) -> None:
        self._near = near.under(key)
        self._own = OwnRecord(steady, self._near, rates)
        self._rows = rows
        self._rates = rates
        self._clock = clock
        self._steady = steady
        self._clear_at = steady() + _CLEARING

    @override
    def fingerprint(self, *parts: str) -> bytes:
        return self._near.fingerprint(*parts)

    @override
    async def known(self, *fingerprints: bytes) -> Collection[bytes]:
        near = await self._own.known(*fingerprints)
        missing = [each.hex() for each in fingerprints if each not in near]
        if not missing:
            return near
        now = self._clock()
        try:
            found = await self._rows.known(missing, now=now)
        except RegistryError as error:
            log.warning("which logins were right at other replicas cannot be read: %s", error)
            return near
        ends = {bytes.fromhex(hash_): ends_at - now for hash_, ends_at in found.items()}
        await self._own.remember(ends)
        return {*near, *ends}

    @override
    async def remember(self, seconds: Mapping[bytes, float]) -> None:
        steady, now = self._steady(), self._clock()
        worn = {
            each.hex(): now + lasting
            for each, lasting in seconds.items()
            if not self._near.is_known(each, steady + lasting * (1 - _WORN))
        }
        if worn and await _tried(self._rows.remember(worn)):
            await self._own.remember(seconds)

    @override
    async def count(self, buckets: Sequence[Bucket], judge: Judge) -> Verdict:
        rows = {self._row_of(bucket): bucket for bucket in buckets}

        def choose(levels: Mapping[GuessBucket, float]) -> tuple[Collection[GuessBucket], Verdict]:
            verdict = judge({rows[row]: level for row, level in levels.items()})
            return [row for row, bucket in rows.items() if bucket in verdict.filled], verdict

        try:
            verdict = await self._rows.put(list(rows), choose, now=self._clock())
            await self._clear()
        except RegistryError as error:
            log.warning("a guess is counted by this worker alone: %s", error)
            return await self._own.count(buckets, judge)
        return verdict

    @override
    async def take_back(self, buckets: Collection[Bucket]) -> None:
        await self._own.take_back(buckets)  # where it may have been counted
        if buckets:
            await _tried(self._rows.take_back([self._row_of(bucket) for bucket in buckets]))

    async def _clear(self) -> None:
        if self._steady() < self._clear_at:
            return
        self._clear_at = self._steady() + _CLEARING
        await self._rows.clear(now=self._clock())

    def _row_of(self, bucket: Bucket) -> GuessBucket:
        rate = self._rates[bucket.kind]
        # An account is counted and never waited for, so it has more than it seems to hold.
        full = SLACK if bucket.kind is CountedFor.ACCOUNT else rate.burst / rate.per_second
        hash_ = f"{bucket.kind.name.lower()} {bucket.key.hex()}"
        return GuessBucket(hash_, pause=1 / rate.per_second, full=full)


async def shared_key(secret: Secret) -> bytes:
    """The key of all replicas' hashes, made by whoever comes first."""
    while (found := await secret.read()) is None:
        await secret.replace(None, os.urandom(_KEY_SIZE))
    return found


async def _tried(writing: Awaitable[None]) -> bool:
    """Whether something could be written that can be done without."""
    try:
        await writing
    except RegistryError as error:
        log.warning("what other replicas were to know of logins cannot be written: %s", error)
        return False
    return True
