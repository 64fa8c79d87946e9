"""The settings: defaults, and what each value may be."""

import pickle
import sys
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from pydantic import ValidationError

from lading.cli.config import settings_as_yaml
from lading.config.http import HttpSection
from lading.config.settings import Settings
from lading.config.tcp_address import TcpAddress
from tests.config.conftest import Complain, Write
from tests.support.commands import run


def test_defaults() -> None:
    """What a registry does that nobody configured."""
    settings = Settings()
    purging = settings.storage.maintenance.uploadpurging
    assert settings.storage.driver == "filesystem"
    assert settings.storage.delete.enabled is True
    assert settings.storage.maintenance.readonly.enabled is False
    assert settings.storage.garbagecollect.grace == timedelta(hours=24)
    assert (purging.enabled, purging.dryrun) == (True, False)
    assert (purging.age, purging.interval) == (timedelta(hours=168), timedelta(hours=24))
    assert settings.http.listen == TcpAddress("127.0.0.1", 5000)
    assert settings.http.draintimeout == timedelta(seconds=30)
    assert settings.http.locationbase == ""
    assert settings.validation.childrenrequired is True
    assert settings.validation.sizesrequired is False
    assert 1 <= settings.workers <= 4


def test_settings_are_frozen_and_cross_processes(given: Write) -> None:
    """Workers get an equal copy, and nobody can change theirs."""
    settings = given("version: 0.1\nhttp: {trustedproxies: [10.0.0.1]}\n").settings
    assert pickle.loads(pickle.dumps(settings)) == settings
    with pytest.raises(ValidationError):
        settings.http.addr = ":1"


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ("log: {level: INFO}", "data"),
        ("storage: {delete: {enabled: false}}", "data"),
        ("storage: filesystem", "/var/lib/registry"),
        ("storage: {filesystem: }", "/var/lib/registry"),
        ("storage: {filesystem: {}}", "/var/lib/registry"),
        ("storage: {filesystem: {rootdirectory: }}", "/var/lib/registry"),
        ("storage: {filesystem: {rootdirectory: relative/x}}", "relative/x"),
    ],
)
def test_root_directory(text: str, root: str, given: Write) -> None:
    """The default is Distribution's once the driver is named, and at hand until then."""
    settings = given(f"version: 0.1\n{text}\n").settings
    assert settings.storage.filesystem.rootdirectory == Path(root)
    assert settings.storage.driver == "filesystem"


@pytest.mark.parametrize("text", ["storage: inmemory", "storage: {inmemory: }"])
def test_memory(text: str, given: Write) -> None:
    """Memory belongs to one process."""
    settings = given(f"version: 0.1\n{text}\n").settings
    assert (settings.storage.driver, settings.workers) == ("inmemory", 1)


def test_memory_is_not_shared(complaints: Complain) -> None:
    """More processes than one cannot serve from memory."""
    lines = complaints("version: 0.1\nstorage: inmemory\nhttp:\n  workers: 2\n")
    assert lines == [
        "config.yml:4: http.workers: write 1: processes cannot share `inmemory` storage"
    ]


def test_an_address_with_a_scheme_is_told_to_have_none() -> None:
    """What Kubernetes and Docker hand on of a linked service is a URL, and no address of IPv6."""
    with pytest.raises(ValidationError, match="write no scheme"):
        HttpSection(addr="tcp://10.0.0.1:5000")


@pytest.mark.parametrize(
    ("addr", "expected"),
    [
        (":5000", TcpAddress("", 5000)),
        ("0.0.0.0:80", TcpAddress("0.0.0.0", 80)),
        ("localhost:0", TcpAddress("localhost", 0)),
        ("[::1]:5000", TcpAddress("::1", 5000)),
    ],
)
def test_address(addr: str, expected: TcpAddress) -> None:
    """The forms of an address."""
    assert HttpSection(addr=addr).listen == expected


@pytest.mark.parametrize(
    "text",
    [
        "http: {addr: localhost}",
        "http: {addr: '::1:5000'}",
        "http: {addr: ':http'}",
        "http: {addr: ':65536'}",
        "http: {addr: 'a b:1'}",
        "http: {addr: 'http://a:1'}",
        "http: {addr: ''}",
        "http: {net: udp}",
        "http: {net: unix}",
        "http: {net: unix, addr: 'a\\0b'}",
        "http: {host: registry.example.com}",
        "http: {host: 'https://'}",
        "http: {host: 'https://a:b'}",
        "http: {host: 'https://u:p@a'}",
        "http: {host: 'https://a?b'}",
        "http: {host: 'https://a/#'}",
        "http: {host: 'https://[a'}",
        'http: {host: "https://a\\r\\nX: y"}',
        "http: {headers: {A: nosniff}}",
        "http: {headers: {'A b': [c]}}",
        'http: {headers: {A: ["b\\r\\nC: d"]}}',
        "http: {headers: {A: ['é']}}",
        "http: {headers: {Content-Length: ['5']}}",
        "http: {headers: {A: [[b]]}}",
        "http: {draintimeout: soon}",
        "http: {draintimeout: [1s]}",
        "http: {workers: 0}",
        "http: {workers: many}",
        "http: {workers: 257}",
        "http: {trustedproxies: [10.0.0.1/8]}",
        "http: {trustedproxies: [proxy]}",
        "http: {trustedproxies: 10.0.0.1}",
        "http: {accelredirect: _blobs/}",
        "http: {accelredirect: /_blobs}",
        "http: {accelredirect: /}",
        "http: {accelredirect: /a/../b/}",
        "http: {relativeurls: maybe}",
        "log: {level: loud}",
        "log: {formatter: xml}",
        "log: {fields: [a]}",
        "log: {fields: {a: {b: c}}}",
        "storage: {filesystem: {rootdirectory: ''}}",
        'storage: {filesystem: {rootdirectory: "a\\0b"}}',
        "storage: {filesystem: {rootdirectory: [a]}}",
        "storage: {maintenance: {uploadpurging: {interval: 0s}}}",
        "storage: {maintenance: {uploadpurging: {age: -1h}}}",
        "storage: [filesystem]",
        "catalog: {maxentries: 0}",
        "tags: {maxtags: -1}",
        "tags: {maxtags: 99999999999999999999999999}",
        "validation: {manifests: {indexes: {platforms: list}}}",
    ],
)
def test_refused_value(text: str, complaints: Complain) -> None:
    """A value that cannot be used is one problem, with its line and what to write."""
    (line,) = complaints(f"version: 0.1\n{text}\n")
    where, key, message = line.split(": ", 2)
    assert where == "config.yml:2"
    assert key.startswith(text.partition(":")[0])
    assert message.startswith(("write", "remove it"))


def test_accepted_values(given: Write) -> None:
    """Values of every kind, as they come out."""
    settings = given("""\
version: 0.1
log: {accesslog: {disabled: yes}, formatter: JSON}
http:
  addr: /run/lading.sock
  net: unix
  host: https://registry.example.com:8443/
  draintimeout: 0
  trustedproxies: [127.0.0.1, 10.0.0.0/8, "fd00::/8"]
  accelredirect: /_blobs/
validation: {manifests: {indexes: {platforms: none}}}
""").settings
    assert settings.log.accesslog.disabled is True
    assert settings.log.formatter == "json"
    assert settings.http.listen == Path("/run/lading.sock")
    assert settings.http.host == "https://registry.example.com:8443"
    assert settings.http.locationbase == settings.http.host
    assert settings.http.draintimeout == timedelta(0)
    assert settings.http.accelredirect == "/_blobs/"
    assert settings.http.trustedproxies == tuple(
        map(ip_network, ["127.0.0.1/32", "10.0.0.0/8", "fd00::/8"])
    )
    assert settings.validation.childrenrequired is False


def test_relative_urls_win(given: Write) -> None:
    """As in Distribution, `relativeurls` goes over `host`."""
    text = "version: 0.1\nhttp: {host: 'https://a', relativeurls: true}\n"
    assert given(text).settings.http.locationbase == ""


def test_validation_disabled(given: Write) -> None:
    """Switching validation off requires no images of an index, and no right sizes."""
    strict = "manifests: {sizes: Strict}"
    settings = given(f"version: 0.1\nvalidation: {{disabled: true, {strict}}}\n").settings
    assert settings.validation.childrenrequired is False
    assert settings.validation.sizesrequired is False
    settings = given(f"version: 0.1\nvalidation: {{{strict}}}\n").settings
    assert settings.validation.sizesrequired is True


@pytest.mark.parametrize(
    "text",
    [
        "",
        "storage: inmemory",
        "storage: filesystem",
        "auth: none",
        "http: {headers: {A: ['1', 'null', b]}, workers: 2}",
        "http: {trustedproxies: [10.0.0.0/8, '::1'], draintimeout: 1h30m}\nlog: {fields: {a: '~'}}",
        "http: {host: 'https://a', accelredirect: /a/}\nlog: {fields: {'no': 'é', b: ''}}",
    ],
)
def test_written_back(text: str, given: Write) -> None:
    """What is written back means the same, and is complete."""
    settings = given(f"version: 0.1\n{text}\n").settings
    written = settings_as_yaml(settings)
    again = given(written)
    assert again.warnings == ()
    assert settings_as_yaml(again.settings) == written
    assert again.settings.model_copy(update={"http": settings.http}) == settings


def test_no_source_is_read_when_a_command_starts() -> None:
    """Which would take a tenth of its time: what stands below a key is for the documents alone."""
    script = "import linecache, lading.config.settings; print(*linecache.cache)"

    said = run([sys.executable, "-c", script]).stdout.decode()

    assert [path for path in said.split() if "lading" in path] == []
