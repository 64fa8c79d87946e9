"""The chart of deploy/helm: what helm makes of it is what Kubernetes takes.

There is no cluster here: its schemas come from the Python package `kubernetes-validate`, which has
those of each version of Kubernetes.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from lading.config.loading import load
from tests.support.commands import CACHE, REPOSITORY, require, run

pytestmark = pytest.mark.e2e

CHART = REPOSITORY / "deploy" / "helm" / "lading"
# The oldest and the newest that are looked at.
VERSIONS = ("1.25", "1.37")
EVERYTHING = (
    "databasePassword.secret=database",
    "bucketKeys.secret=bucket",
    "ingress.enabled=true",
    "ingress.className=nginx",
    "ingress.tlsSecret=certificate",
    "autoscaling.enabled=true",
    "serviceMonitor.enabled=true",
    "image.pullSecrets[0].name=registry",
    "serviceAccount.annotations.role=bucket",
    "networkPolicy.metrics[0].namespaceSelector.matchLabels.name=monitoring",
    "networkPolicy.clients[0].podSelector.matchLabels.name=ingress",
    "env[0].name=REGISTRY_LOG_LEVEL",
    "env[0].value=debug",
    "nodeSelector.disk=fast",
    "tolerations[0].operator=Exists",
)
# Not of Kubernetes itself, but of the Prometheus operator.
FOREIGN = {"ServiceMonitor"}


def rendered(*values: str) -> Sequence[Mapping[str, Any]]:
    """Render the chart, and return what it makes."""
    require("helm")
    options = [f"--set={value}" for value in values]
    done = run(["helm", "template", "demo", CHART, "--kube-version=1.33.0", *options])
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def of_kind(documents: Sequence[Mapping[str, Any]], kind: str) -> Mapping[str, Any]:
    """The one of that kind."""
    [found] = [document for document in documents if document["kind"] == kind]
    return found


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("values", [(), EVERYTHING], ids=["as it is", "everything"])
def test_kubernetes_takes_it(tmp_path: Path, values: tuple[str, ...], version: str) -> None:
    """Every field is one that there is, and of the right type."""
    validate = CACHE / "kubernetes" / "bin" / "kubernetes-validate"
    require(str(validate))
    own = [document for document in rendered(*values) if document["kind"] not in FOREIGN]
    (tmp_path / "all.yml").write_text(yaml.safe_dump_all(own))

    done = run([validate, "--strict", "--kubernetes-version", version, tmp_path / "all.yml"])

    assert b"ERROR" not in done.stdout + done.stderr
    assert len(own) == (9 if values else 6)


def test_helm_finds_nothing_to_complain_of() -> None:
    require("helm")
    assert b"0 chart(s) failed" in run(["helm", "lint", "--strict", CHART]).stdout


def test_a_value_that_there_is_not_is_refused() -> None:
    """A slip would change nothing, and nobody would notice."""
    require("helm")
    done = run(["helm", "template", CHART, "--set=replica=3"], check=False)

    assert done.returncode != 0
    assert b"'replica' not allowed" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["config.database.postgresql.url=postgresql://u:secret@db/x"], "databasePassword.secret"),
        (["config.storage.s3.secretkey=secret"], "bucketKeys.secret"),
        (["config.http.addr=:8080"], "service.port"),
        (["config.http.debug.addr=127.0.0.1:5001"], "networkPolicy.metrics"),
        (["autoscaling.enabled=true", "autoscaling.minReplicas=11"], "more than"),
        (["autoscaling.enabled=true", "resources.requests.cpu=null"], "resources.requests.cpu"),
        (["serviceMonitor.enabled=true"], "networkPolicy.metrics"),
        (["drainSeconds=30"], "terminationGracePeriodSeconds"),
        (["config.http.draintimeout=55s"], "terminationGracePeriodSeconds"),
        (["podDisruptionBudget.maxUnavailable=0"], "maxUnavailable"),
        (["config.storage.filesystem.rootdirectory=/data"], "storage"),
    ],
)
def test_values_that_cannot_be_together_are_refused_with_what_to_do(
    values: Sequence[str], said: str
) -> None:
    """Before anything is installed."""
    require("helm")
    options = [f"--set={value}" for value in values]
    done = run(["helm", "template", "demo", CHART, "--kube-version=1.33.0", *options], check=False)

    assert done.returncode != 0
    assert said in (done.stdout + done.stderr).decode()


def test_nobody_asks_at_the_port_without_logins_but_who_is_named() -> None:
    """Anybody may ask the registry itself, unless that is narrowed, too."""
    spec = of_kind(rendered(), "NetworkPolicy")["spec"]
    labels = of_kind(rendered(), "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert spec["podSelector"]["matchLabels"].items() <= labels.items()
    assert spec["ingress"] == [{"ports": [{"port": "http", "protocol": "TCP"}]}]

    clients, metrics = of_kind(rendered(*EVERYTHING), "NetworkPolicy")["spec"]["ingress"]
    assert clients["from"] == [{"podSelector": {"matchLabels": {"name": "ingress"}}}]
    assert metrics == {
        "ports": [{"port": "debug", "protocol": "TCP"}],
        "from": [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}],
    }


def test_figures_are_counted_where_they_are_asked_for(tmp_path: Path) -> None:
    """Else `/metrics` is not there, and the monitor of it is in vain."""
    config = tmp_path / "config.yml"
    for values, counted in ((EVERYTHING, True), ((), False)):
        config.write_text(of_kind(rendered(*values), "ConfigMap")["data"]["config.yml"])
        assert load(config, {}).settings.http.debug.prometheus.enabled is counted


@pytest.mark.parametrize("values", [(), EVERYTHING], ids=["as it is", "everything"])
def test_the_registry_takes_the_configuration(tmp_path: Path, values: tuple[str, ...]) -> None:
    config = tmp_path / "config.yml"
    config.write_text(of_kind(rendered(*values), "ConfigMap")["data"]["config.yml"])

    loaded = load(config, {})

    assert loaded.warnings == ()
    assert loaded.settings.database.postgresql is not None
    assert loaded.settings.storage.driver == "s3"
    assert loaded.settings.http.addr == ":5000"


def test_what_is_asked_for_is_what_is_named() -> None:
    """Ports, volumes and selectors hang together by names alone."""
    documents = rendered(*EVERYTHING)
    deployment = of_kind(documents, "Deployment")["spec"]
    template = deployment["template"]
    [container] = template["spec"]["containers"]
    ports = {port["name"] for port in container["ports"]}
    services = [document["spec"] for document in documents if document["kind"] == "Service"]

    assert {port["targetPort"] for service in services for port in service["ports"]} == ports
    for selector in (deployment["selector"]["matchLabels"], *(s["selector"] for s in services)):
        assert selector.items() <= template["metadata"]["labels"].items()
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in template["spec"]["volumes"]}
    assert "replicas" not in deployment
    assert {container[probe]["httpGet"]["path"] for probe in PROBES} == {
        "/livez",
        "/readyz?exclude=store&exclude=room&exclude=changes",
    }


PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


def test_it_has_no_more_rights_than_it_needs() -> None:
    """What the restricted level of Kubernetes' pod security standards demands, and more."""
    pod = of_kind(rendered(), "Deployment")["spec"]["template"]["spec"]
    [container] = pod["containers"]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
