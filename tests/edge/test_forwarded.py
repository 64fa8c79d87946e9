"""Where a request came from, as far as proxies can be believed."""

from ipaddress import ip_address, ip_network
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.edge import forwarded
from lading.edge.forwarded import (
    address_in,
    client_address,
    forwarded_id,
    is_trusted,
    new_ids,
)
from lading.edge.public_address import base_url
from tests.edge.requests import request

PROXIES = [ip_network("10.0.0.0/8"), ip_network("2001:db8::/32")]
ADDRESSES = st.one_of(
    st.ip_addresses().map(str), st.sampled_from(["10.0.0.1", "2001:db8::1", "", "x", "1.2.3.4:80"])
)


def written(node: str) -> str:
    """An address in the one way to write it."""
    try:
        address = ip_address(address_in(node))
    except ValueError:
        return node
    return str(getattr(address, "ipv4_mapped", None) or address)


@pytest.mark.parametrize(
    ("peer", "trusted"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("2001:db8::2", True),
        ("11.1.2.3", False),
        ("::ffff:11.1.2.3", False),
        ("2001:db8::2%eth0", True),
        ("", False),
    ],
)
def test_a_proxy_is_known_by_its_address(peer: str, trusted: bool) -> None:
    """Also where IPv4 arrives on a socket of IPv6; a Unix socket has none."""
    assert is_trusted(peer, PROXIES) is trusted


def test_a_unix_socket_is_this_machine() -> None:
    local = [ip_network("127.0.0.0/8")]
    assert is_trusted("", local)
    assert client_address("", {"x-forwarded-for": "192.0.2.1"}, local) == "192.0.2.1"
    assert client_address("", {"x-forwarded-for": "192.0.2.1"}, PROXIES) == ""


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("192.0.2.1:51234", "192.0.2.1"),  # Azure's gateway, IIS
        ("[2001:DB9::1]:4711", "2001:db9::1"),
        ("[2001:db9::1]", "2001:db9::1"),
        ("2001:DB9:0:0:0:0:0:1", "2001:db9::1"),
        ("::ffff:c000:201", "192.0.2.1"),
        ('fe80::1%e"t\\h0 - - [1]', "fe80::1"),  # a zone may be anything, also columns of a log
        ("192.0.2.1, 10.0.0.9:80", "192.0.2.1"),
        ("192.0.2.1, unknown", "10.0.0.1"),
        ("192.0.2.1:port", "10.0.0.1"),
        ("[192.0.2.1", "10.0.0.1"),
    ],
)
def test_what_proxies_write_is_one_address(said: str, address: str) -> None:
    """However it is written: else all clients of such a proxy count as one, or one as many."""
    assert client_address("10.0.0.1", {"x-forwarded-for": said}, PROXIES) == address


@pytest.mark.parametrize(
    ("said", "address", "url"),
    [
        ("for=192.0.2.1;proto=https;host=r:5000", "192.0.2.1", "https://r:5000"),
        ('For="[2001:db9::1]:47" ; Proto="HTTPS"; host="r"', "2001:db9::1", "https://r"),
        ("for=192.0.2.9, for=192.0.2.1, for=10.0.0.7;proto=https", "192.0.2.1", "https://inner"),
        ('for="_hidden, for=192.0.2.1";proto=https', "10.0.0.1", "https://inner"),
        ("for=192.0.2.1;proto=https;host=a/b", "192.0.2.1", "https://localhost"),
        ("for=192.0.2.1;;proto=https", "10.0.0.1", "http://inner"),
        ("for=192.0.2.1;proto=ftp", "192.0.2.1", "http://inner"),
        ('for="192.0.2.1', "10.0.0.1", "http://inner"),
        ("", "10.0.0.1", "http://inner"),
    ],
)
def test_a_proxy_may_say_it_by_the_standard(said: str, address: str, url: str) -> None:
    asked = request("GET", "/v2/", {"Host": "inner", "Forwarded": said}, peer="10.0.0.1")
    assert client_address("10.0.0.1", asked.headers, PROXIES) == address
    assert base_url(asked, PROXIES) == url
    assert client_address("192.0.2.7", asked.headers, PROXIES) == "192.0.2.7"


@pytest.mark.parametrize(
    "sent", ['for="x', "for=192.0.2.9,", "for", "for=192.0.2.9;;", 'x="\\', ""]
)
@pytest.mark.parametrize("said", ["for=192.0.2.1;proto=https", 'for="192.0.2.1:47";proto="https"'])
def test_a_client_cannot_hide_behind_what_cannot_be_read(sent: str, said: str) -> None:
    """Else it would count as its proxy, in logs and for limits."""
    headers = {"Host": "inner", "Forwarded": f"{sent}, {said}"}
    asked = request("GET", "/v2/", headers, peer="10.0.0.1")
    assert client_address("10.0.0.1", asked.headers, PROXIES) == "192.0.2.1"
    assert base_url(asked, PROXIES) == "https://inner"


def test_what_a_client_says_by_the_standard_is_not_believed_of_a_proxy_that_does_not() -> None:
    """It passes on a header that it does not know."""
    headers = {"Host": "r", "Forwarded": "for=192.0.2.1;proto=https;host=evil"}
    for name, value in {
        "X-Forwarded-For": "192.0.2.7",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Host": "r",
    }.items():
        asked = request("GET", "/v2/", {**headers, name: value}, peer="10.0.0.1")
        assert base_url(asked, PROXIES) == "http://r"
        assert client_address("10.0.0.1", asked.headers, PROXIES) != "192.0.2.1"


def test_an_address_is_written_in_one_way() -> None:
    """Logs, and limits per address, do not depend on the kind of socket."""
    assert client_address("::ffff:192.0.2.1", {}, ()) == "192.0.2.1"
    assert client_address("2001:db8::1", {}, ()) == "2001:db8::1"


@given(peer=ADDRESSES, hops=st.lists(ADDRESSES, max_size=4))
def test_nobody_is_believed_but_proxies(peer: str, hops: list[str]) -> None:
    """The address is the peer's, or one that a trusted hop saw; whatever else is in the header."""
    address = client_address(peer, {"x-forwarded-for": ", ".join(hops)}, PROXIES)

    nearest_first = [written(hop) for hop in (peer, *hops[::-1])]
    seen_by = nearest_first[: nearest_first.index(written(address))]
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


def test_what_is_too_long_for_an_address_is_not_remembered() -> None:
    """A client whose own address is among the trusted ones may write anything before it."""
    before = forwarded._remembered_address.cache_info().currsize
    for number in range(10):
        written = {"x-forwarded-for": f"{number:060000}, 10.0.0.9"}
        assert client_address("10.0.0.1", written, PROXIES) == "10.0.0.9"
    assert forwarded._remembered_address.cache_info().currsize <= before + 2
