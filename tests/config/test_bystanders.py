"""Variables that others set: a warning that names where they are from, and no failed start."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from lading.config.document import ConfigurationError
from lading.config.loading import load
from tests.support.commands import run
from tests.support.lading import program

KUBERNETES = {
    "SERVICE_HOST": "10.0.0.1",
    "SERVICE_PORT": "5001",
    "SERVICE_PORT_HTTP": "5001",
    "SERVICE_PORT_HTTP_METRICS": "9090",
    "PORT": "tcp://10.0.0.1:5001",
    "PORT_5001_TCP": "tcp://10.0.0.1:5001",
    "PORT_5001_TCP_PROTO": "tcp",
    "PORT_5001_TCP_PORT": "5001",
    "PORT_5001_TCP_ADDR": "10.0.0.1",
    "PORT_5001_TCP_START": "tcp://10.0.0.1:5001",
    "PORT_5001_TCP_END": "tcp://10.0.0.1:5003",
    "PORT_5001_TCP_PORT_START": "5001",
    "PORT_5001_TCP_PORT_END": "5003",
    "PORT_53_UDP": "udp://[fd00::1]:53",
    "PORT_53_UDP_ADDR": "fd00::1",
}
DOCKER = {"NAME": "/lading/link", "ENV_PATH": "/usr/bin", "ENV_auth": "{}"}


def warned_of(environ: Mapping[str, str]) -> list[str]:
    """What is said of an environment with which the registry starts, by variable."""
    return [str(warning) for warning in load(None, environ).warnings]


@pytest.mark.parametrize("form", KUBERNETES)
@pytest.mark.parametrize(
    "service",
    [
        *("", "_AUTH", "_HTTP", "_STORAGE", "_STORAGE_S3", "_REDIS", "_PROXY", "_AUTH_TOKEN"),
        *(
            "_AUTH_WORKLOADS",
            "_HEALTH_HTTP",
            "_HTTP_TRUSTEDPROXIES",
            "_TAGS_IMMUTABLE",
            "_HTTP_HEADERS",
        ),
    ],
)
def test_what_kubernetes_sets_for_a_service(service: str, form: str) -> None:
    """Whatever the service is called: as a section, a list, or one that is not supported."""
    name = f"REGISTRY{service}_{form}"
    (warning,) = warned_of({name: KUBERNETES[form]})

    assert warning.startswith(f"environment {name}: ignored: ")
    assert f"a Service called `registry{service.lower().replace('_', '-')}`" in warning


@pytest.mark.parametrize("form", KUBERNETES)
@pytest.mark.parametrize("service", ["_AUTH", "_STORAGE", "_PROXY"])
def test_one_that_was_emptied_to_be_rid_of_it(service: str, form: str) -> None:
    """As a Pod's `env` can replace what Kubernetes sets, and cannot take it away."""
    name = f"REGISTRY{service}_{form}"
    (warning,) = warned_of({name: ""})

    assert warning.startswith(f"environment {name}: ignored: ")


@pytest.mark.parametrize("service", ["", "_AUTH", "_HTTP", "_STORAGE"])
def test_what_docker_sets_for_a_link(service: str) -> None:
    prefix = f"REGISTRY{service}"
    warnings = warned_of({f"{prefix}_{form}": value for form, value in DOCKER.items()})

    assert len(warnings) == len(DOCKER)
    assert all("a link to a container" in warning for warning in warnings)


@pytest.mark.parametrize(
    ("name", "value"), [("NAME", "/team/app"), ("PORT", "tcp://10.0.0.1:5001")]
)
def test_a_setting_that_there_is_counts_whatever_it_looks_like(name: str, value: str) -> None:
    loaded = load(None, {f"REGISTRY_LOG_FIELDS_{name}": value})

    assert loaded.settings.log.fields == {name.lower(): value}
    assert not loaded.warnings


def test_what_podman_reads() -> None:
    (warning,) = warned_of({"REGISTRY_AUTH_FILE": "/run/containers/0/auth.json"})

    assert "podman" in warning


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REGISTRY_AUTH_PORT", "5001"),
        ("REGISTRY_AUTH_PORT", "tcp://"),
        ("REGISTRY_AUTH_SERVICE_HOST", "{a: b}"),
        ("REGISTRY_AUTH_PORT_HTTP", "tcp://10.0.0.1:5001"),
        ("REGISTRY_AUTH_NAME", "alice"),
        ("REGISTRY_AUTH_ENV_PATH", "/usr/bin"),
        ("REGISTRY_AUTH_FILES", "/htpasswd"),
        ("REGISTRY_STORAGE_SERVICE", "10.0.0.1"),
    ],
)
def test_a_setting_that_is_misspelt_is_refused(name: str, value: str) -> None:
    """It only looks a little like one of theirs."""
    with pytest.raises(ConfigurationError, match=name):
        load(None, {name: value})


def test_commands_start_beside_them(tmp_path: Path) -> None:
    done = run(
        [program(), "config", "show"],
        cwd=tmp_path,
        env={"REGISTRY_AUTH_PORT": "tcp://10.0.0.1:5001", "REGISTRY_AUTH_FILE": "/auth.json"},
    )

    assert done.stderr.count(b"Warning: environment REGISTRY_AUTH_") == 2
