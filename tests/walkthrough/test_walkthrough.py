"""What a person does with a registry of their own, from start to freed disk space.

One test per step, with the real programs, in the order of a person's day; each goes on from where
the one before it stopped.
"""

import functools
import hashlib
import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import run
from tests.support.compose import Stack
from tests.support.images import GREETING, build_hello_world, build_layers, random_bytes
from tests.support.processes import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

IMAGE = "localhost/library/hello-world"
NAME = "/v2/library/hello-world"
SCHEMA_2 = "application/vnd.docker.distribution.manifest.v2+json"
ACCEPT = f"-HAccept: {SCHEMA_2}"
CONFIG = "/etc/registry/config.yml"
# Two images that share a layer are not removed from one dockerd at a time: it removes what both
# were built upon with either, and the second one fails as it is gone.
_REMOVING = threading.Lock()


def test_row_1_compose_starts_nginx_on_port_80_and_the_registry_behind_it(stack: Stack) -> None:
    """`docker-compose up -d` in the unpacked folder is all there is to do."""
    stack.start("up", "-d")

    assert stack.compose("ps", "--services").split() == ["registry", "nginx"]
    ports = stack.docker.inspect("container", stack.container("nginx"))["NetworkSettings"]["Ports"]
    assert ports["80/tcp"][0]["HostPort"] == "80"
    assert stack.docker.run("port", stack.container("registry")) == ""


def test_row_3_docker_talks_to_the_registry_without_tls(stack: Stack) -> None:
    """With `--insecure-registry localhost` among its options, Docker speaks plain HTTP to it."""
    assert "localhost" in stack.docker.run("info", "--format={{json .RegistryConfig.IndexConfigs}}")
    assert stack.curl("/v2/").status == 200


def test_row_6_the_catalog_is_an_empty_list_before_the_first_push(stack: Stack) -> None:
    """Not null, and not an error."""
    assert stack.curl("/v2/_catalog").text == '{"repositories":[]}'


def test_row_4_an_image_is_pushed_as_latest(stack: Stack) -> None:
    """Tagged with the name of the registry, pushed without a tag."""
    build_hello_world(stack.docker)
    stack.docker.run("tag", "hello-world", IMAGE)

    said = stack.docker.run("push", IMAGE)

    assert re.search(r"latest: digest: sha256:[0-9a-f]{64} size: \d+", said)


def test_row_5_the_image_is_pulled_back_and_runs(stack: Stack) -> None:
    """After it was removed here, it comes from the registry."""
    _pull_and_run(stack)


def test_row_6_the_catalog_lists_the_repository(stack: Stack) -> None:
    """Under the name it was pushed by."""
    assert stack.curl("/v2/_catalog").text == '{"repositories":["library/hello-world"]}'


def test_row_7_the_tag_list_has_the_tag(stack: Stack) -> None:
    """The default tag, as pushed."""
    expected = '{"name":"library/hello-world","tags":["latest"]}'
    assert stack.curl(f"{NAME}/tags/list").text == expected


def test_row_8_the_manifest_is_the_one_pushed_byte_for_byte(stack: Stack) -> None:
    """Digest and size are what `docker push` printed; the config is the image that docker shows."""
    pushed = re.search(r"digest: (\S+) size: (\d+)", stack.docker.run("push", IMAGE))
    assert pushed

    body = stack.curl(f"{NAME}/manifests/latest", ACCEPT).body

    assert (_sha256(body), str(len(body))) == pushed.groups()
    assert json.loads(body)["mediaType"] == SCHEMA_2
    image_id = stack.docker.run("images", "--no-trunc", "--quiet", f"{IMAGE}:latest")
    assert json.loads(body)["config"]["digest"] == image_id


def test_row_9_a_layer_has_the_sum_it_is_named_by(stack: Stack, tmp_path: Path) -> None:
    """Downloaded by curl, summed by sha256sum."""
    [layer] = _manifest(stack)["layers"]
    file = tmp_path / "hello-world.blob"
    url = f"http://localhost{NAME}/blobs/{layer['digest']}"

    stack.docker.network.run("curl", "--silent", "--fail", url, "-o", file)

    assert file.stat().st_size == layer["size"]
    assert f"sha256:{run(['sha256sum', file]).stdout.split()[0].decode()}" == layer["digest"]


def test_row_10_the_manifest_comes_with_its_headers_through_nginx_and_directly(
    stack: Stack,
) -> None:
    """Type, length, digest and entity tag say the same on both ways."""
    for ask in (stack.curl, stack.curl_directly):
        response = ask(f"{NAME}/manifests/latest", ACCEPT)

        digest = _sha256(response.body)
        assert response.line == "HTTP/1.1 200 OK"
        assert response.headers["Content-Type"] == SCHEMA_2
        assert response.headers["Content-Length"] == str(len(response.body))
        assert response.headers["Docker-Content-Digest"] == digest
        assert response.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
        assert response.headers["Etag"] == f'"{digest}"'


@pytest.mark.parametrize("commands", [("stop", "start"), ("restart",), ("down", "up -d")])
def test_row_2_images_outlive_the_containers(stack: Stack, commands: tuple[str, ...]) -> None:
    """After `docker-compose stop`, `restart` and `down`, what was pushed is still there."""
    *before, last = commands
    for command in before:
        stack.compose(*command.split())
    stack.start(*last.split())

    _pull_and_run(stack)


def test_row_11_the_digest_shown_is_the_digest_that_deletes(stack: Stack) -> None:
    """Whether or not the Accept header is remembered."""
    forgotten = stack.curl(f"{NAME}/manifests/latest").headers["Docker-Content-Digest"]
    remembered = stack.curl(f"{NAME}/manifests/latest", ACCEPT).headers["Docker-Content-Digest"]
    assert forgotten == remembered

    response = stack.curl(f"{NAME}/manifests/{forgotten}", "-XDELETE")

    assert response.line == "HTTP/1.1 202 Accepted"
    assert response.headers["Content-Length"] == "0"


def test_row_12_the_tag_is_gone_and_the_list_is_still_a_list(stack: Stack) -> None:
    """2016's null broke clients."""
    expected = '{"name":"library/hello-world","tags":[]}'
    assert stack.curl(f"{NAME}/tags/list").text == expected


def test_row_13_a_dry_run_says_what_would_go_and_touches_nothing(stack: Stack) -> None:
    """Every blob of the deleted image, its manifest apart, and how many bytes that is."""
    before = _files(stack)
    blobs = [path for path in before if path.name == "data"]

    said = collect_garbage(stack, "--dry-run")

    assert len(blobs) >= 2
    for path in blobs:
        assert f"sha256:{path.parent.name}" in said
    assert str(sum(path.stat().st_size for path in blobs)) in said
    assert _files(stack) == before


def test_row_14_the_collector_frees_the_disk(stack: Stack) -> None:
    """Without `--dry-run`, the blobs are gone."""
    collect_garbage(stack)

    assert not [path for path in _files(stack) if path.name == "data"]


def test_row_14_pushes_and_pulls_go_on_while_garbage_is_collected(stack: Stack) -> None:
    """Several people push, pull, delete and push again meanwhile; each image comes back whole."""
    shared = random_bytes(1_000_000)
    images = [f"localhost/busy/image{number}" for number in range(4)]
    for image in images:
        build_layers(stack.docker, image, shared, random_bytes(4_000_000))
    done = threading.Event()
    with ThreadPoolExecutor() as pool:
        collecting = pool.submit(_collect_until, stack, done)
        try:
            list(pool.map(functools.partial(_push_again_and_again, stack), images))
        finally:
            done.set()
    collecting.result()

    collect_garbage(stack)
    for image in images:
        _pull_anew(stack, image)


def test_row_15_a_read_only_registry_is_pulled_from_and_refuses_the_rest(stack: Stack) -> None:
    """With `storage.maintenance.readonly.enabled: true` in the configuration."""
    stack.docker.run("push", IMAGE)
    digest = stack.curl(f"{NAME}/manifests/latest").headers["Docker-Content-Digest"]
    written = stack.config.read_text()
    read_only = "storage:\n  maintenance:\n    readonly:\n      enabled: true\n"
    stack.config.write_text(written.replace("storage:\n", read_only))
    stack.start("restart")

    _pull_and_run(stack)
    stack.docker.run("tag", IMAGE, "localhost/library/another")
    stack.docker.fails("push", "localhost/library/another")
    assert stack.curl(f"{NAME}/blobs/uploads/", "-XPOST").status == 405
    assert stack.curl(f"{NAME}/manifests/{digest}", "-XDELETE").status == 405
    assert stack.curl(f"{NAME}/manifests/latest", "-XDELETE").status == 405
    assert stack.curl(f"{NAME}/tags/list").json["tags"] == ["latest"]


def _sha256(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def _manifest(stack: Stack) -> Any:
    return json.loads(stack.curl(f"{NAME}/manifests/latest", ACCEPT).body)


def _pull_and_run(stack: Stack) -> None:
    _pull_anew(stack, IMAGE)
    assert stack.docker.run("run", "--rm", IMAGE) == GREETING


def _pull_anew(stack: Stack, image: str) -> None:
    # By id and by force, so that no other tag keeps the layers here.
    expected = stack.docker.run("images", "--no-trunc", "--quiet", image)
    with _REMOVING:
        stack.docker.run("rmi", "--force", expected)
    stack.docker.run("pull", image)
    assert stack.docker.run("images", "--no-trunc", "--quiet", image) == expected


def _files(stack: Stack) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in _blobs(stack).rglob("*") if path.is_file()}


def _blobs(stack: Stack) -> Path:
    return stack.volume() / "docker" / "registry" / "v2" / "blobs"


def collect_garbage(stack: Stack, *options: str) -> str:
    """Collect as a person does, in the container of the registry; what was said."""
    command = ("/bin/registry", "garbage-collect", *options, CONFIG)
    return stack.docker.run("exec", "-t", stack.container(stack.registry), *command)


def _collect_until(stack: Stack, done: threading.Event) -> None:
    while not done.is_set():
        collect_garbage(stack)


def _push_again_and_again(stack: Stack, image: str) -> None:
    """Delete what docker believes to be there: by turns before and after the collector has it."""
    for number in range(6):
        stack.docker.run("push", image)
        _pull_anew(stack, image)
        layer = _delete(stack, image)
        if number % 2:
            _wait_until_gone(layer)
    stack.docker.run("push", image)


def _wait_until_gone(layer: Path) -> None:
    wait_until(lambda: not layer.exists(), f"the collection of {layer}")


def _delete(stack: Stack, image: str) -> Path:
    """Delete an image by its digest; return the file of the layer that no other image has."""
    manifests = f"/v2/{image.removeprefix('localhost/')}/manifests"
    response = stack.curl(f"{manifests}/latest")
    digest = response.headers["Docker-Content-Digest"]
    assert stack.curl(f"{manifests}/{digest}", "-XDELETE").status == 202
    layer = str(json.loads(response.body)["layers"][-1]["digest"]).removeprefix("sha256:")
    return _blobs(stack) / "sha256" / layer[:2] / layer / "data"
