"""Where a request came from, as far as proxies can be believed."""

from ipaddress import ip_network
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.edge.forwarded import (
    base_url,
    client_address,
    forwarded_id,
    is_trusted,
    new_ids,
)
from tests.edge.requests import request

PROXIES = [ip_network("10.0.0.0/8"), ip_network("2001:db8::/32")]
ADDRESSES = st.one_of(
    st.ip_addresses().map(str), st.sampled_from(["10.0.0.1", "2001:db8::1", "", "x", "1.2.3.4:80"])
)


@pytest.mark.parametrize(
    ("peer", "trusted"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("2001:db8::2", True),
        ("11.1.2.3", False),
        ("::ffff:11.1.2.3", False),
        ("", False),
    ],
)
def test_a_proxy_is_known_by_its_address(peer: str, trusted: bool) -> None:
    """Also where IPv4 arrives on a socket of IPv6; a Unix socket has none."""
    assert is_trusted(peer, PROXIES) is trusted


def test_an_address_is_written_in_one_way() -> None:
    """Logs, and limits per address, do not depend on the kind of socket."""
    assert client_address("::ffff:192.0.2.1", {}, ()) == "192.0.2.1"
    assert client_address("2001:db8::1", {}, ()) == "2001:db8::1"


@given(peer=ADDRESSES, hops=st.lists(ADDRESSES, max_size=4))
def test_nobody_is_believed_but_proxies(peer: str, hops: list[str]) -> None:
    """The address is the peer's, or one that a trusted hop saw; whatever else is in the header."""
    address = client_address(peer, {"x-forwarded-for": ", ".join(hops)}, PROXIES)

    nearest_first = [client_address(hop, {}, ()) for hop in (peer, *hops[::-1])]
    seen_by = nearest_first[: nearest_first.index(address)]
    assert all(is_trusted(hop, PROXIES) for hop in seen_by)


@pytest.mark.parametrize(
    ("peer", "headers", "expected"),
    [
        ("1.2.3.4", {"Host": "r:5000"}, "http://r:5000"),
        ("1.2.3.4", {"Host": "r", "X-Forwarded-Proto": "https"}, "http://r"),
        ("10.0.0.1", {"Host": "r", "X-Forwarded-Proto": "https"}, "https://r"),
        ("10.0.0.1", {"Host": "r", "X-Forwarded-Proto": "http, HTTPS"}, "https://r"),
        ("10.0.0.1", {"Host": "r", "X-Forwarded-Proto": "ftp"}, "http://r"),
        ("10.0.0.1", {"Host": "inner", "X-Forwarded-Host": "x, outer:1"}, "http://outer:1"),
        ("10.0.0.1", {"Host": "r", "X-Forwarded-Host": 'a"b'}, "http://localhost"),
        ("1.2.3.4", {"Host": "inner", "X-Forwarded-Host": "outer"}, "http://inner"),
        ("1.2.3.4", {"Host": "[2001:db8::1]:5000"}, "http://[2001:db8::1]:5000"),
        ("1.2.3.4", {}, "http://localhost"),
        ("1.2.3.4", {"Host": "a/b"}, "http://localhost"),
        ("1.2.3.4", {"Host": "a\r\nb"}, "http://localhost"),
    ],
)
def test_where_a_client_reaches_the_registry(
    peer: str, headers: dict[str, str], expected: str
) -> None:
    """As the proxy says, if it is a trusted one; and never what could not be a host."""
    assert base_url(request("GET", "/v2/", headers, peer=peer), PROXIES) == expected


@pytest.mark.parametrize(
    ("peer", "said", "expected"),
    [
        ("10.0.0.1", "9d2f-4", "9d2f-4"),
        ("10.0.0.1", "Root=1-67891233:/+~", "Root=1-67891233:/+~"),
        ("10.0.0.1", "x" * 128, "x" * 128),
        ("10.0.0.1", "x" * 129, ""),
        ("10.0.0.1", "", ""),
        ("10.0.0.1", "a b", ""),
        ("10.0.0.1", 'a"b', ""),
        ("10.0.0.1", "a\\b", ""),
        ("10.0.0.1", "a\x1b[31m", ""),
        ("10.0.0.1", "a\n", ""),
        ("1.2.3.4", "9d2f-4", ""),
    ],
)
def test_an_id_is_taken_that_can_stand_in_a_log(peer: str, said: str, expected: str) -> None:
    """Only from a trusted proxy, and never one that could end a column or a line."""
    asked = request("GET", "/v2/", {"X-Request-ID": said}, peer=peer)
    assert forwarded_id(asked, PROXIES) == expected
    assert forwarded_id(asked, ()) == ""


def test_new_ids_are_all_different() -> None:
    """Of as many digits, however many are asked for."""
    ids = list(islice(new_ids(), 1000))
    assert len(set(ids)) == 1000
    assert {len(id_) for id_ in ids} == {32}
