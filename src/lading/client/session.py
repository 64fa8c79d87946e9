"""Session with one host: logins, and redirects.

Redirects are followed here, so that a login goes to nobody but the host that it is for.
"""

import threading
from collections.abc import Iterable, Mapping

from lading.client.answers import (
    TooSlow,
    address,
    asked_wait,
    cut_off,
    dismiss,
    origin,
    read_bounded,
    read_error,
)
from lading.client.errors import ClientError, bare, of_answer
from lading.client.kept_connections import HostAnswer
from lading.client.options import SessionOptions
from lading.client.references import host_of, is_local
from lading.client.sending import Body, HostSender, WantedRequest
from lading.client.tokens import HostTokens, LoginFinder
from lading.client.wire import speaks_tls

REDIRECTS = frozenset({301, 302, 303, 307, 308})
MOST_REDIRECTS = 5
_MOST_LOGINS = 5
# Seconds before a document that was cut off is asked for again.
_PAUSES = (0.25, 1.0, 4.0)


class HostSession:
    """A session with a registry's host; for any number of threads.

    Attributes:
        registry: as in a reference.
        counted: how many requests were sent, by method.
        wait, close: see `HostSender`.
    """

    def __init__(
        self, registry: str, find: LoginFinder, options: SessionOptions | None = None
    ) -> None:
        self.registry = registry
        self._options = options or SessionOptions()
        self._host = host_of(registry)
        self._sender = HostSender(registry, self._options)
        self.counted = self._sender.counted
        self.wait, self.close = self._sender.wait, self._sender.close
        self._lock = threading.Lock()
        self._base = ""
        self._tokens = HostTokens(registry, find, self._ask, self._is_plain)

    @property
    def base(self) -> str:
        """The scheme and the host, found out by the first request if it may be either."""
        with self._lock:
            if not self._base:
                self._base = self._find_base()
            return self._base

    @property
    def asks_for_login(self) -> bool:
        """Whether the host has asked for a login so far: none was looked at before."""
        return self._tokens.is_asked_for

    def request(
        self,
        method: str,
        place: str,
        *,
        scopes: tuple[str, ...] = (),
        headers: Mapping[str, str] | None = None,
        body: Body | None = None,
        expect: Iterable[int] = (200,),
        again: bool = True,
    ) -> HostAnswer:
        """Send a request, and again where that helps; the answer, its body not read yet.

        Args:
            place: a path of the host, or a whole address.
            scopes: what a token is asked for, as `repository:app:pull`.
            expect: statuses that are no error.
            again: whether a failure may be tried again here.

        Raises:
            ClientError: of the answer, or `Unreachable`.
        """
        # Most places are our own paths, which need not be read.
        url = f"{self.base}{place}" if place.startswith("/v2/") else address(self.base, place)
        expected = frozenset(expect)
        tries = self._options.retries if again else 0
        answer = self._follow(url, WantedRequest(method, headers or {}, body, tries, scopes))
        if answer.status in expected:
            return answer
        error = of_answer(f"{method} {bare(url)}", answer.status, read_error(answer))
        error.wait_seconds = asked_wait(answer)
        raise error

    def fetch(
        self, place: str, *, scopes: tuple[str, ...], headers: Mapping[str, str] | None = None
    ) -> tuple[HostAnswer, bytes]:
        """GET a document, and again where it is cut off; the answer, and all of its body.

        Raises:
            ContentWrong: it is longer than any document.
            ClientError: of the answer, or `Unreachable`.
        """
        pauses = iter(_PAUSES[: self._options.retries])
        while True:
            answer = self.request("GET", place, scopes=scopes, headers=headers)
            try:
                return answer, read_bounded(answer)
            except OSError as error:
                pause = None if isinstance(error, TooSlow) else next(pauses, None)
                if pause is None:
                    raise cut_off(answer.url, error) from error
            self.wait(pause, "cut off")

    def _follow(self, url: str, wanted: WantedRequest) -> HostAnswer:
        for _ in range(MOST_REDIRECTS):
            answer = self._authorized(url, wanted)
            location = answer.headers.get("location")
            if answer.status not in REDIRECTS or not location:
                return answer
            dismiss(answer)
            url = address(url, location)
        raise ClientError(f"{wanted.method} {bare(url)}: more than {MOST_REDIRECTS} redirects")

    def _authorized(self, url: str, wanted: WantedRequest) -> HostAnswer:
        """Send with what is known of logins; if that is not enough, with what is asked for."""
        if not self.is_own(url):
            self._check_safe(url)
            return self._sender.send(url, wanted)
        known = self._tokens.header(wanted.scopes)
        answer = self._sender.send(url, wanted, known)
        for _ in range(_MOST_LOGINS):
            if answer.status != 401:
                break
            challenges = answer.headers.getlist("www-authenticate")
            try:
                found = self._tokens.answer(challenges, wanted.scopes, known)
            except BaseException:
                dismiss(answer)
                raise
            if not found:
                break
            dismiss(answer)
            known, answer = found, self._sender.send(url, wanted, found)
            # It was right when it was sent, and is over since, as one waited for this registry.
            if not self._tokens.is_over(wanted.scopes, known):
                break
        return answer

    def _check_safe(self, url: str) -> None:
        """Go from TLS to no place without, where others read along and answer."""
        if self._is_plain() or origin(url)[0] != "http":
            return
        raise ClientError(
            f"{self.registry} sends its clients to {bare(url)}, which has no TLS",
            advice="let the proxy before it tell it `X-Forwarded-Proto: https` and the `Host`",
        )

    def is_own(self, url: str) -> bool:
        """Whether an address is of the registry's host itself, to which a login may go."""
        base = self.base
        return url.startswith(f"{base}/") or origin(url) == origin(base)

    def _is_plain(self) -> bool:
        return self.base.startswith("http:")

    def _ask(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> HostAnswer:
        """Send a request for a token, with no login but the one in its headers."""
        return self._sender.send(url, WantedRequest(method, headers, body, self._options.retries))

    def _find_base(self) -> str:
        if self._options.plain_http:
            return f"http://{self._host}"
        if not is_local(self._host):
            return f"https://{self._host}"
        has_tls = speaks_tls(self._host, self._options.connect_seconds)
        return f"https://{self._host}" if has_tls else f"http://{self._host}"
