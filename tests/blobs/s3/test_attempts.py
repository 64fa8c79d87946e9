"""Attempts at what a store refuses: which are repeated, and what an operator is told to do."""

import time

import pytest

from lading.blobs.s3 import attempts
from lading.blobs.s3.attempts import RefusedRequest, StoreAttempts
from lading.core.errors import Unavailable
from lading.ports.measures import Timing


class Refusals:
    """A request that is refused whenever it is made."""

    def __init__(self, error: Exception) -> None:
        self.count = 0
        self._error = error

    async def __call__(self) -> None:
        self.count += 1
        raise self._error


def refused(status: int, code: str) -> RefusedRequest:
    return RefusedRequest(status, f"<Error><Code>{code}</Code></Error>".encode())


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (refused(403, "RequestTimeTooSkewed"), "set the clock"),
        (refused(403, "InvalidAccessKeyId"), "storage.s3.accesskey"),
        (refused(403, "AccessDenied"), "what the key is allowed to do"),
        (refused(400, "ExpiredToken"), "renew the keys"),
        (refused(400, "AuthorizationHeaderMalformed"), "correct storage.s3.region"),
        (refused(301, "PermanentRedirect"), "correct storage.s3.region"),
        # As obstore says it, which follows no redirect to another region.
        (OSError("Received redirect without LOCATION, this normally"), "correct storage.s3.region"),
        (refused(404, "NoSuchBucket"), "make the bucket"),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_what_only_an_operator_can_change_is_told_at_once(
    error: Exception, advice: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody waits for what does not pass."""
    refusals = Refusals(error)
    with pytest.raises(Unavailable):
        await StoreAttempts(Timing.STORE_STAT).run(refusals)
    assert refusals.count == 1
    assert advice in caplog.text


async def test_a_store_that_is_not_there_is_given_up_as_soon_whatever_it_was_to_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Bytes have their time while they are sent, and none are sent to nobody."""
    monkeypatch.setattr(attempts, "PATIENCE", 0.2)
    refusals, begun = Refusals(ConnectionRefusedError("nobody listens")), time.monotonic()
    with pytest.raises(Unavailable):
        await StoreAttempts(Timing.STORE_PUT_CONTENT, size=20 * attempts.SLOWEST).run(refusals)
    assert refusals.count > 1
    assert time.monotonic() - begun < 10
