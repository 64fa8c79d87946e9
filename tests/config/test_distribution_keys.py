"""Every key of Distribution is supported, warned about, or refused: none is unknown."""

from pathlib import Path

import pytest

from lading.config.document import ConfigurationError
from lading.config.loading import load
from lading.config.schema import Shape, build_tree
from lading.config.settings import Settings
from lading.config.unsupported import UNSUPPORTED, Refused
from tests.config.conftest import Complain, Write

DATA = Path(__file__).parent / "distribution"


def listed() -> list[tuple[str, str]]:
    """Read the list of Distribution's keys, each with the class that it should be in."""
    lines = (DATA / "keys.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.split() for line in lines if not line.startswith("#"))
    return [(expected, key) for expected, key in pairs]


WARNS = [key for expected, key in listed() if expected == "warns"]
REFUSED = [key for expected, key in listed() if expected == "refused"]


def verdict(key: str) -> str:
    """Say which class a key is in, as the tree of known keys has it."""
    node = build_tree(Settings).find(key)
    if node is None:
        return "unknown"
    if node.rule is None:
        return "supported" if node.supported else "incomplete"
    return "warns" if node.rule.refused is Refused.NEVER else "refused"


@pytest.mark.parametrize(("expected", "key"), listed())
def test_every_key_has_its_class(expected: str, key: str) -> None:
    """No key of Distribution is unknown, and each is in the class that is meant for it."""
    assert verdict(key) == expected


def test_no_rule_hides_a_setting() -> None:
    """What is listed as unsupported is not supported as well, and is listed once."""
    bare = build_tree(Settings, rules=())
    keys = [rule.key for rule in UNSUPPORTED]
    assert [key for key in keys if bare.find(key)] == []
    assert len(set(keys)) == len(keys)
    assert bare.shape is Shape.SECTION


@pytest.mark.parametrize("name", ["registry-2.yml", "registry-3.yml"])
def test_shipped_file(name: str) -> None:
    """The files inside the official images load, with warnings at most."""
    loaded = load(DATA / name, {})
    assert loaded.settings.http.addr == ":5000"
    assert loaded.settings.storage.filesystem.rootdirectory == Path("/var/lib/registry")
    assert loaded.settings.http.headers == {"X-Content-Type-Options": ("nosniff",)}
    assert {warning.key for warning in loaded.warnings} <= {
        "storage.cache",
        "storage.tag",
    }


@pytest.mark.parametrize("key", WARNS)
def test_warning(key: str, given: Write) -> None:
    """A key that cannot matter is a warning with its line."""
    section, _, name = key.rpartition(".")
    if section == "storage.s3":  # which has to be whole
        written = f"storage: {{s3: {{bucket: images, region: eu-west-1, {name}: info}}}}"
    else:
        written = nested(key, "info")
    loaded = given(f"version: 0.1\n{written}")
    assert [key.startswith(warning.key) for warning in loaded.warnings] == [True]
    assert loaded.warnings[0].where.startswith("config.yml:")


@pytest.mark.parametrize("key", REFUSED)
def test_refusal(key: str, complaints: Complain) -> None:
    """A key that cannot be ignored is an error with its line."""
    first, *others = complaints(f"version: 0.1\n{nested(key, 'true')}")
    assert others == []
    place, rest = first.split(": ", 1)
    assert place.startswith("config.yml:")
    assert key.startswith(rest.split(": ")[0])


@pytest.mark.parametrize(
    "text",
    [
        "http: {tls: {letsencrypt: {cachefile: '', email: '', hosts: []}}}",
        "middleware: {storage: [{name: redirect, disabled: true}]}",
        "notifications: {endpoints: [{name: a, url: 'http://a', disabled: true}]}",
        "notifications: {endpoints: []}",
        "log: {hooks: [{type: mail, disabled: true}]}",
        "proxy: {remoteurl: ''}",
        "compatibility: {schema1: {enabled: false}}",
        "policy: {repository: {classes: []}}",
        "validation: {manifests: {urls: {allow: [], deny: []}}}",
        "validation: {manifests: {indexes: {platforms: none, platformlist: []}}}",
    ],
)
def test_switched_off(text: str, given: Write) -> None:
    """Something unsupported that is switched off is no reason not to start."""
    warnings = given(f"version: 0.1\n{text}\n").warnings
    assert {warning.message for warning in warnings} == {
        "ignored: it is empty or switched off, and not implemented"
    }


@pytest.mark.parametrize(
    "text",
    [
        "proxy: 5",
        "policy: [a]",
        "compatibility: {schema1: yes}",
        "policy: {repository: {clases: []}}",
    ],
)
def test_malformed_section_of_unsupported_keys(text: str, complaints: Complain) -> None:
    """A section that only leads to unsupported keys is checked like any other."""
    assert len(complaints(f"version: 0.1\n{text}\n")) == 1


def test_refused_from_the_environment() -> None:
    """An unsupported key is refused wherever it comes from, by index as well."""
    environ = {"REGISTRY_NOTIFICATIONS_ENDPOINTS_0_URL": "http://a"}
    with pytest.raises(ConfigurationError) as caught:
        load(None, environ)
    (problem,) = caught.value.problems
    assert problem.where == "environment REGISTRY_NOTIFICATIONS_ENDPOINTS_0_URL"
    assert problem.key == "notifications.endpoints"


def test_refused_because_of_the_environment(tmp_path: Path) -> None:
    """Where the file's value is harmless, it is the variable that is named."""
    path = tmp_path / "config.yml"
    path.write_text("version: 0.1\nproxy: {remoteurl: ''}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load(path, {"REGISTRY_PROXY_REMOTEURL": "http://a"})
    (problem,) = caught.value.problems
    assert problem.where == "environment REGISTRY_PROXY_REMOTEURL"


def nested(key: str, value: str) -> str:
    """Write one dotted key as YAML, each part on a line of its own."""
    lines = [f"{'  ' * depth}{name}:" for depth, name in enumerate(key.split("."))]
    return "\n".join(lines) + f" {value}\n"
