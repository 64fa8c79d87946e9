"""Where it listens: as Distribution would, given the same address."""

import socket

import pytest

from lading.config.tcp_address import TcpAddress, parse_tcp_address
from lading.server.process.listener import listen

BOTH = {"127.0.0.1", "::1"}


@pytest.mark.parametrize(
    ("address", "reached"),
    [
        (":0", BOTH),
        ("0.0.0.0:0", BOTH),
        ("[::]:0", BOTH),
        ("[::ffff:0.0.0.0]:0", BOTH),
        ("localhost:0", {"127.0.0.1"}),
        ("127.0.0.1:0", {"127.0.0.1"}),
        ("[::ffff:127.0.0.1]:0", {"127.0.0.1"}),
        ("[::1]:0", {"::1"}),
    ],
)
def test_an_address_is_reached_by_the_families_that_go_would_listen_to(
    address: str, reached: set[str]
) -> None:
    """Found out with `net.Listen("tcp", …)` of Go 1.26."""
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    with listen(parse_tcp_address(address)) as listener:
        port = listener.getsockname()[1]
        assert {host for host in BOTH if _answers(host, port)} == reached


def test_a_machine_without_ipv6_is_listened_on_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: False)
    for address in (":0", "0.0.0.0:0"):
        with listen(parse_tcp_address(address)) as listener:
            assert listener.family == socket.AF_INET
            assert _answers("127.0.0.1", listener.getsockname()[1])


def test_a_client_whose_machine_is_gone_is_noticed() -> None:
    """By the kernel: its connection, which may be idle for an hour, is asked for."""
    with (
        listen(TcpAddress("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError:
        return False
    return True
