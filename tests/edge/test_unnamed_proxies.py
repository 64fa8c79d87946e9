"""A proxy that the operator has not named: nothing it says is believed, and the log says so."""

from pathlib import Path

import pytest

from lading.auth.login_record import KnownLogins
from lading.edge.forwarded import MOST_WARNED, UnnamedProxies
from tests.edge.requests import answered, request
from tests.support.guarded import guarded_registry
from tests.support.lading import lading_serve
from tests.support.processes import wait_until
from tests.support.workers import one_connection_each


def warnings(log: Path) -> list[str]:
    """The lines that name the setting."""
    return [line for line in log.read_text().splitlines() if "http.trustedproxies" in line]


def test_a_proxy_that_serves_https_is_told_of_once(tmp_path: Path) -> None:
    """By whichever worker meets it first; clients could not log in otherwise, and nobody knew."""
    with guarded_registry(tmp_path) as guarded:
        log = guarded.lading.log
        assert guarded.client.ask("GET", "/v2/").status == 401
        with one_connection_each(guarded.client) as connections:
            for connection in connections * 3:
                connection.request(
                    "GET", "/v2/", x_forwarded_proto="https", x_forwarded_for="192.0.2.1"
                )
                answer = connection.receive()
                assert answer.status == 401
                assert 'realm="http://' in answer.headers["WWW-Authenticate"]
        wait_until(lambda: bool(warnings(log)), "a line in the log")
    (line,) = warnings(log)
    assert " warn requests from 127.0.0.1 have `X-Forwarded-Proto: https`" in line
    assert "http.host" in line


def test_a_proxy_whose_clients_all_count_as_one_is_told_of(tmp_path: Path) -> None:
    """Where nobody logs in, too."""
    limits = {"requestrate": 1, "requestburst": 1}
    with lading_serve(tmp_path, settings={"limits": limits}) as registry:
        for number in range(9):
            registry.client.ask("GET", "/v2/", x_forwarded_for=f"192.0.2.{number}")
        wait_until(lambda: bool(warnings(registry.log)), "a line in the log")
    assert "`X-Forwarded-For`" in warnings(registry.log)[0]


async def test_a_proxy_that_takes_a_prefix_off_is_told_of_whatever_is_answered(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """No address in any answer is right then."""
    proxies = UnnamedProxies((), KnownLogins())
    coming = request("POST", "/v2/a/blobs/uploads/", {"X-Forwarded-Prefix": "/registry"})
    proxies.note(answered(coming, 202))
    proxies.note(answered(coming, 202))
    (line,) = caplog.messages
    assert "`X-Forwarded-Prefix`" in line
    assert "http.prefix" in line
    assert "/registry" not in line


def test_a_proxy_that_is_named_is_believed_in_silence(tmp_path: Path) -> None:
    """And so is whoever says nothing."""
    http = {"addr": "127.0.0.1:0", "workers": 1, "trustedproxies": ["127.0.0.1"]}
    with guarded_registry(tmp_path, http=http) as guarded:
        answer = guarded.client.ask("GET", "/v2/", x_forwarded_proto="https")
        assert 'realm="https://' in answer.headers["WWW-Authenticate"]
    assert warnings(guarded.lading.log) == []


async def test_a_crowd_of_strangers_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Anybody can send such a header; and what they send is not repeated."""
    proxies = UnnamedProxies((), KnownLogins())
    for number in range(3 * MOST_WARNED):
        coming = request("GET", "/v2/", {"X-Forwarded-Proto": "https", "X-Forwarded-For": "evil"})
        coming.scope["client"] = (f"192.0.2.{number}", 1)
        proxies.note(answered(coming, 401))
        proxies.note(answered(coming, 401))
    assert len(caplog.messages) == MOST_WARNED
    assert len(set(caplog.messages)) == MOST_WARNED
    assert "evil" not in caplog.text


@pytest.mark.parametrize("said", ["http", "gopher", ""])
async def test_what_changes_nothing_is_not_told(
    said: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A client would be sent where it came from."""
    proxies = UnnamedProxies((), KnownLogins())
    coming = request("GET", "/v2/", {"X-Forwarded-Proto": said})
    proxies.note(answered(coming, 401))
    assert caplog.text == ""


async def test_a_proxy_that_speaks_by_the_standard_is_told_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """RFC 7239 alone: its clients' logins fail for the same reason."""
    proxies = UnnamedProxies((), KnownLogins())
    coming = request("GET", "/v2/", {"Forwarded": "for=192.0.2.1;proto=https"}, peer="")
    proxies.note(answered(coming, 401))
    (line,) = caplog.messages
    assert line.startswith("requests from a Unix socket (127.0.0.1) have `Forwarded`")
