"""Attempts: a request to the object store is repeated while that may help, and not for long.

A store answers 503 when it is asked too much (`SlowDown`), cuts connections, and hangs. An attempt
has a time that fits its bytes; those after the first begin after a random pause that grows, so that
not all who were refused come back at once. What was in vain becomes an error in the registry's
words.
"""

import asyncio
import logging
import random
import re
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from lading.core.errors import RegistryError, StorageFull, Unavailable
from lading.ports.measures import UNMEASURED, Count, Measures, Timing

T = TypeVar("T")

log = logging.getLogger(__name__)

# Seconds of an attempt without a body; and bytes a second with which a body is sent at least.
ATTEMPT = 8.0
SLOWEST = 512 * 1024
# Seconds after the first attempt until which another one may begin, beside those that attempts have
# taken over their bytes.
PATIENCE = 12.0
# Seconds of the first pause at most, and of any.
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 3.0

_STATUS = re.compile(r"status code: (\d{3})")
# "Your socket connection to the server was not read from or written to within the timeout period"
# is a 400 (S3 API, Error responses).
_PASSING = frozenset({408, 425, 429})
_FULL = re.compile("status code: 507|QuotaExceeded|StorageFull|InsufficientStorage|NoSpaceLeft")
_DENIED = re.compile("AccessDenied|AllAccessDisabled")
# What an operator changes, by what a failure says of itself; the first that fits.
_ADVICE = (
    ("NoSuchBucket", "make the bucket, or correct storage.s3.bucket and storage.s3.forcepathstyle"),
    (
        "RequestTimeTooSkewed|RequestExpired|time is too large",
        "set the clock of this machine, or the store's: a request is signed with its time",
    ),
    (
        "ExpiredToken|InvalidToken|TokenRefreshRequired",
        "renew the keys, which were for a time: storage.s3.accesskey, or what gives them to a role",
    ),
    (
        "PermanentRedirect|TemporaryRedirect|AuthorizationHeaderMalformed|[Rr]edirect",
        "correct storage.s3.region, or the region in storage.s3.regionendpoint",
    ),
    (
        _DENIED.pattern,
        "correct what the key is allowed to do: {right}, in its policy and in the bucket's",
    ),
    (
        "SignatureDoesNotMatch|InvalidAccessKeyId|UserNotFound|status code: 40[13]",
        "correct storage.s3.accesskey, secretkey and region, or allow the key {right}",
    ),
    (
        "[Cc]ertificate|UnknownIssuer|InvalidContentType|[Hh]andshake",
        "correct storage.s3.cafile, secure and the name in storage.s3.regionendpoint",
    ),
    (
        "error sending request|[Cc]onnection refused|dns error|no answer in time",
        "see that the server runs, and that storage.s3.regionendpoint leads there",
    ),
)
# What an operation has to be allowed, as policies call it. Without the right to list, a store says
# of what is not there that it is forbidden.
_READING = "`s3:GetObject` and `s3:ListBucket`"
_RIGHTS = {
    Timing.STORE_GET_CONTENT: _READING,
    Timing.STORE_READER: _READING,
    Timing.STORE_STAT: _READING,
    Timing.STORE_LIST: "`s3:ListBucket`",
    Timing.STORE_PUT_CONTENT: "`s3:PutObject`",
    Timing.STORE_WRITER: "`s3:PutObject`",
    Timing.STORE_DELETE: "`s3:DeleteObject`",
}
# What obstore says of a bucket that is in another region.
_ELSEWHERE = "redirect without LOCATION"
_HIDDEN = re.compile(r"\n\nDebug source:.*", re.DOTALL)


class StoreAttempts:
    """The attempts at one operation on the store.

    Args:
        measures: how long it took, repeats and errors are handed to.
        size: bytes that each attempt moves.
        right: that it takes, if that is another one than operations of its kind take.
    """

    def __init__(
        self, timing: Timing, measures: Measures = UNMEASURED, size: int = 0, right: str = ""
    ) -> None:
        self._timing = timing
        self._right = right or _RIGHTS.get(timing, "what it is for")
        self._measures = measures
        self._moving = size / SLOWEST
        self._begun = self._failing = time.monotonic()
        self._failures = 0
        self._failed_for = 0.0

    def done(self) -> None:
        """Measure how long it has taken, as it is over."""
        self._measures.observe(self._timing, time.monotonic() - self._begun)

    def moved(self) -> None:
        """Be patient anew, as something has come of it."""
        self._failures = 0

    async def run(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """The result of the first attempt that has one.

        Raises:
            FileNotFoundError: the store says that there is no such thing.
            Unavailable, StorageFull: none has a result.
        """
        while True:
            try:
                result = await self.once(attempt)
            except Failed as failed:
                await self.pause(failed)
            else:
                self.done()
                return result

    async def once(self, attempt: Callable[[], Awaitable[T]], more: float = 0) -> T:
        """The result of one attempt, within its time.

        Args:
            more: seconds that it may take beside those that its bytes take.

        Raises:
            Failed: another one may have a result.
            FileNotFoundError, Unavailable, StorageFull: as `run`.
        """
        if not self._failures:
            self._failing, self._failed_for = time.monotonic(), 0.0
        begun = time.monotonic()
        try:
            async with asyncio.timeout(ATTEMPT + self._moving + more):
                return await attempt()
        except Exception as error:
            if not _is_of_the_store(error):
                raise
            if is_absent(error):
                self.done()
                raise FileNotFoundError(words_of(error)) from error
            if _may_pass(error):
                self._failed_for += time.monotonic() - begun
                raise Failed(error) from error
            raise self.error(error) from error

    async def pause(self, failed: "Failed") -> None:
        """Wait until another attempt makes sense; raise what failed if it was the last one."""
        # A store that is not there takes no bytes, however many there are.
        moving = min(self._moving, self._failed_for)
        if time.monotonic() >= self._failing + PATIENCE + moving:
            raise self.error(failed.cause) from failed.cause
        self._measures.count(_reason(failed.cause))
        most = min(LONGEST_PAUSE, FIRST_PAUSE * 2**self._failures)
        self._failures += 1
        await asyncio.sleep(random.uniform(most / 4, most))  # noqa: S311 - no secret

    def error(self, cause: BaseException) -> RegistryError:
        """What to raise after the last attempt; its cause is logged."""
        self.done()
        self._measures.count(Count.STORE_ERRORS)
        text = words_of(cause)
        advice = advice_for(f"{text} {cause}", self._right)
        log.error("the object store fails (%s): %s%s", self._timing.name.lower(), text, advice)
        if _FULL.search(text):
            return StorageFull()
        return Unavailable("the object store cannot be used; the registry's log says why")


class Failed(Exception):
    """An attempt that failed for a reason that may pass."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.cause = cause


def is_absent(error: BaseException) -> bool:
    """Whether the store itself says that there is no such object, or that it ends before.

    Without a bucket it says 404 as well, and so does anything else that listens at its address.
    """
    text = str(error)
    return any(code in text for code in ("NoSuchKey", "NoSuchUpload", "InvalidRange"))


def is_denied(error: BaseException) -> bool:
    """Whether a failure is that the key may not do this, be it as its cause."""
    return _DENIED.search(f"{error} {error.__cause__}") is not None


def advice_for(text: str, right: str = "") -> str:
    """What an operator can change, by all that a failure says; empty if nothing is known to help.

    What is wrong with a certificate stands in what obstore says to programmers alone.
    """
    found = (advice for pattern, advice in _ADVICE if re.search(pattern, text))
    return next((f"; {advice.format(right=right)}" for advice in found), "")


def words_of(error: BaseException) -> str:
    """What a failure says of itself, for a log: one line."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    words = _HIDDEN.sub("", str(error))
    return " ".join(words.split())[:500] or type(error).__name__


class RefusedRequest(Exception):
    """An answer that is an error; in words as obstore has them."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"status code: {status}: {body[:500].decode(errors='replace')}")


def _is_of_the_store(error: Exception) -> bool:
    """Whether the store is to blame, or what is on the way to it, and not this program."""
    known = isinstance(error, OSError | EOFError | RefusedRequest)
    # What fails in Rust, beneath obstore, is an exception of pyo3's.
    return known or type(error).__module__.startswith(("obstore", "pyo3"))


def _may_pass(error: Exception) -> bool:
    """Whether the same request may succeed later: the store is busy, or was not reached."""
    text = str(error)
    status = _STATUS.search(text)
    if status is None:
        return _ELSEWHERE not in text
    code = int(status[1])
    return (code >= 500 and code not in {501, 507}) or code in _PASSING or "RequestTimeout" in text


def _reason(cause: BaseException) -> Count:
    """The kind of repeat that a failure leads to."""
    if isinstance(cause, TimeoutError):
        return Count.STORE_REPEATED_TIMEOUT
    status = _STATUS.search(str(cause))
    if status is None:
        return Count.STORE_REPEATED_CONNECTION
    throttled = status[1] in {"429", "503"}
    return Count.STORE_REPEATED_THROTTLED if throttled else Count.STORE_REPEATED_SERVER_ERROR
