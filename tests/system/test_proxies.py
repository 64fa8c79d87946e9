"""Proxies of the environment: one rule, that of curl and Go."""

import pytest

from lading.system.proxies import login_of, proxy_for

PROXY = "http://proxy.test:3128"
BY = {"HTTP_PROXY": PROXY, "HTTPS_PROXY": PROXY}


@pytest.mark.parametrize(
    ("address", "environ", "found"),
    [
        ("http://s3.test", {}, ""),
        ("http://s3.test", {"HTTP_PROXY": PROXY}, PROXY),
        ("http://s3.test", {"HTTPS_PROXY": PROXY}, ""),
        ("https://s3.test", {"HTTPS_PROXY": PROXY, "HTTP_PROXY": "http://other"}, PROXY),
        ("https://s3.test", {"ALL_PROXY": PROXY}, PROXY),
        ("https://s3.test", {"https_proxy": PROXY, "HTTPS_PROXY": "http://other"}, PROXY),
        ("https://s3.test", {"https_proxy": "", "HTTPS_PROXY": PROXY}, PROXY),
        ("http://s3.test", {"HTTP_PROXY": "proxy.test:3128"}, PROXY),
        ("http://s3.test", {"HTTP_PROXY": PROXY, "REQUEST_METHOD": "GET"}, ""),
        ("http://s3.test", {"http_proxy": PROXY, "REQUEST_METHOD": "GET"}, PROXY),
    ],
)
def test_variables_say_by_which_proxy_a_server_is_asked(
    address: str, environ: dict[str, str], found: str
) -> None:
    assert proxy_for(address, environ) == found


@pytest.mark.parametrize(
    ("address", "no_proxy"),
    [
        ("http://s3.test:9000", "other.test, s3.test"),
        ("http://s3.test:9000", "other.test s3.test"),
        ("http://s3.test:9000", "s3.test:9000"),
        ("http://s3.test", "s3.test:80"),
        ("https://s3.test", "s3.test:443"),
        ("http://s3.test.", "s3.test"),
        ("http://a.s3.test", ".s3.test"),
        ("http://a.s3.test", "s3.test"),
        ("http://a.s3.test", "*.S3.test"),
        ("http://a.s3.test:9000", "*.s3.test:9000"),
        ("http://s3.test", "*"),
        ("http://s3.test", "localhost,*"),
        ("http://10.1.2.3:9000", "10.0.0.0/8"),
        ("http://10.1.2.3:9000", "10.1.2.3:9000"),
        ("http://[fd00::1]:9000", "fd00::/8"),
        ("http://[fd00::1]:9000", "fd00::1"),
        ("http://[fd00::1]:9000", "fd00:0::1"),
        ("http://[fe80::1%25eth0]:9000", "fe80::1%25eth0"),
        ("http://[fd00::1]:9000", "[fd00::1]"),
        ("http://[fd00::1]:9000", "[fd00::1]:9000"),
    ],
)
def test_servers_without_a_proxy_are_asked_themselves(address: str, no_proxy: str) -> None:
    assert not proxy_for(address, {**BY, "NO_PROXY": no_proxy})
    assert not proxy_for(address, {**BY, "no_proxy": no_proxy, "NO_PROXY": "elsewhere"})


@pytest.mark.parametrize(
    ("address", "no_proxy"),
    [
        ("http://s3.test:9000", "s3.test:9001"),
        ("https://s3.test", "s3.test:80"),
        ("http://as3.test", "s3.test"),
        ("http://s3.test", ",, "),
        ("http://s3.test", "."),
        ("http://11.1.2.3:9000", "10.0.0.0/8,x/y"),
        ("http://10.1.2.3:9000", "10.0.0.0/99"),
        ("http://s3.test", "0.0.0.0/0"),
        ("http://[fd00::1]:9000", "10.0.0.0/8"),
        ("http://[fd00::1]:9000", "[fd00::1]:9001"),
        ("http://10.0.0.1", "0.0.1,.0.1,*.1,1"),
        ("http://10.0.0.1", "0.0.0.1,110.0.0.1"),
        ("http://[fd00::1]", "1,:1,::1"),
    ],
)
def test_others_are_not(address: str, no_proxy: str) -> None:
    assert proxy_for(address, {**BY, "NO_PROXY": no_proxy}) == PROXY


def test_a_login_of_a_proxy_is_a_header() -> None:
    assert login_of(PROXY) == {}
    assert login_of("http://me:p%40ss@proxy.test") == {"Proxy-Authorization": "Basic bWU6cEBzcw=="}
    assert login_of("http://me:%E2%82%AC@proxy.test") == {"Proxy-Authorization": "Basic bWU64oKs"}
