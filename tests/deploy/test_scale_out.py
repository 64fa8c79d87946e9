"""deploy/scale-out as a person gets it: two registries that share a database and a bucket.

The images of PostgreSQL and of the S3 server are made here, of the same programs.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest

from tests.support.commands import run
from tests.support.compose import Stack, unpacked_stack
from tests.support.docker import Docker
from tests.support.images import build_layers, build_scale_out, random_bytes
from tests.support.processes import wait_until
from tests.walkthrough import test_walkthrough as walkthrough

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

IMAGE = "localhost/team/app"
# What a person does who only pushes, pulls, looks and deletes; the numbers are the walkthrough's.
STEPS: Sequence[Callable[[Stack], None]] = (
    walkthrough.test_row_3_docker_talks_to_the_registry_without_tls,
    walkthrough.test_row_6_the_catalog_is_an_empty_list_before_the_first_push,
    walkthrough.test_row_4_an_image_is_pushed_as_latest,
    walkthrough.test_row_5_the_image_is_pulled_back_and_runs,
    walkthrough.test_row_6_the_catalog_lists_the_repository,
    walkthrough.test_row_7_the_tag_list_has_the_tag,
    walkthrough.test_row_8_the_manifest_is_the_one_pushed_byte_for_byte,
    walkthrough.test_row_10_the_manifest_comes_with_its_headers_through_nginx_and_directly,
    walkthrough.test_row_11_the_digest_shown_is_the_digest_that_deletes,
    walkthrough.test_row_12_the_tag_is_gone_and_the_list_is_still_a_list,
)
CHECK = ("registry", "verify", "--checksums", "/etc/registry/config.yml")


@pytest.fixture(scope="module")
def stack(deployment: Docker, scratch: Path) -> Iterator[Stack]:
    """The folder, unpacked and started, with the two secrets in `.env`."""
    build_scale_out(deployment)
    with unpacked_stack(
        deployment, scratch / "scale-out", name="scale-out", registry="registry1"
    ) as stack:
        secrets = "DATABASE_PASSWORD=of the database\nSTORE_SECRET=of-the-store\n"
        (stack.folder / ".env").write_text(secrets)
        stack.start("up", "-d")
        yield stack


def answered_by(stack: Stack) -> set[str]:
    """The addresses of the registries that nginx has got answers from."""
    return set(re.findall(r" (\d[\d.]+:5000) [1-4]\d\d$", stack.log("nginx"), re.MULTILINE))


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__.removeprefix("test_"))
def test_a_person_walks_through_it(stack: Stack, step: Callable[[Stack], None]) -> None:
    """As through the one of a single machine; each step goes on from the one before it."""
    step(stack)


def test_a_layer_has_the_sum_it_is_named_by_and_the_collector_frees_the_store(
    stack: Stack, tmp_path: Path
) -> None:
    """After a dry run that says what would go, and leaves it."""
    walkthrough.test_row_4_an_image_is_pushed_as_latest(stack)
    walkthrough.test_row_9_a_layer_has_the_sum_it_is_named_by(stack, tmp_path)
    manifest = json.loads(stack.curl(f"{walkthrough.NAME}/manifests/latest").body)
    digests = [manifest["config"]["digest"], *(layer["digest"] for layer in manifest["layers"])]
    walkthrough.test_row_11_the_digest_shown_is_the_digest_that_deletes(stack)

    for options in (["--dry-run"], []):
        said = walkthrough.collect_garbage(stack, *options)
        assert all(digest in said for digest in digests)
    assert "sha256:" not in walkthrough.collect_garbage(stack)


def test_a_read_only_registry_is_pulled_from_and_refuses_the_rest(stack: Stack) -> None:
    """Whichever of the two a request comes to."""
    walkthrough.test_row_4_an_image_is_pushed_as_latest(stack)
    switch = ("exec", "-T", "registry2", "registry", "read-only")
    stack.compose(*switch, "on", walkthrough.CONFIG)
    try:
        walkthrough.test_row_5_the_image_is_pulled_back_and_runs(stack)
        for _ in range(4):
            assert stack.curl(f"{walkthrough.NAME}/blobs/uploads/", "-XPOST").status == 405
        stack.docker.run("tag", walkthrough.IMAGE, "localhost/library/another")
        stack.docker.fails("push", "localhost/library/another")
    finally:
        stack.compose(*switch, "off", walkthrough.CONFIG)


def test_docker_pushes_and_pulls(stack: Stack) -> None:
    """Each request goes to any of the two, those of one upload, too."""
    docker = stack.docker
    build_layers(docker, f"{IMAGE}:1", random_bytes(1000), random_bytes(20_000_000))
    built = docker.inspect("image", f"{IMAGE}:1")["Id"]

    docker.run("push", f"{IMAGE}:1")
    docker.run("rmi", f"{IMAGE}:1")
    docker.run("pull", f"{IMAGE}:1")

    assert docker.inspect("image", f"{IMAGE}:1")["Id"] == built
    assert len(answered_by(stack)) == 2


def test_a_registry_that_is_killed_is_not_missed(stack: Stack) -> None:
    """While clients push and pull; what they were told is there, is there.

    Docker repeats what it sends of a layer. What it sends of a configuration it does not, and nginx
    has not kept it: if that was on its way to the one that is killed, the push is repeated.
    """
    docker = stack.docker
    is_over = threading.Event()
    containers = [stack.container(service) for service in ("registry1", "registry2")]

    def kill() -> None:
        for container in containers * 2:
            docker.run("kill", "--signal=KILL", container)
            is_over.wait(2)
            docker.run("start", container)
            wait_until(partial(_is_healthy, docker, container), "a registry that was killed")
            if is_over.is_set():
                return

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        for number in range(2, 7):
            name = f"{IMAGE}:{number}"
            build_layers(docker, name, random_bytes(1000), random_bytes(3_000_000))
            _push(docker, name)
            docker.run("rmi", name)
            docker.run("pull", name)
    finally:
        is_over.set()
        killer.join()
    stack.start("up", "-d")

    assert "all is well" in stack.compose("exec", "-T", "registry2", *CHECK)


def test_a_database_that_starts_anew_is_waited_for(stack: Stack) -> None:
    stack.compose("restart", "--timeout=10", "database")

    docker = stack.docker
    docker.run("rmi", f"{IMAGE}:1")
    wait_until(lambda: _pulls(docker, f"{IMAGE}:1"), "a pull after the database is back")


def test_what_was_pushed_stays_over_a_new_start_of_all(stack: Stack) -> None:
    stack.compose("down")
    stack.start("up", "-d")

    stack.docker.run("rmi", f"{IMAGE}:1")
    stack.docker.run("pull", f"{IMAGE}:1")


def test_a_secret_that_is_missing_is_asked_for(deployment: Docker, scratch: Path) -> None:
    """Nothing is started with an empty password."""
    with unpacked_stack(deployment, scratch / "without", name="scale-out") as stack:
        command = ["docker-compose", "config"]
        done = run(command, check=False, cwd=stack.folder, env=stack.environment)
        (stack.folder / ".env").write_text("DATABASE_PASSWORD=x\nSTORE_SECRET=y\n")

    assert done.returncode != 0
    assert b"write DATABASE_PASSWORD" in done.stderr


def _is_healthy(docker: Docker, container: str) -> bool:
    return bool(docker.inspect("container", container)["State"]["Health"]["Status"] == "healthy")


def _push(docker: Docker, name: str) -> None:
    """Push as a person does, who repeats a push that the proxy could not hand on."""
    done = run(["docker", "push", name], check=False, env=docker.environment)
    if done.returncode:
        assert b"502 Bad Gateway" in done.stderr
        docker.run("push", name)


def _pulls(docker: Docker, name: str) -> bool:
    return "Downloaded" in docker.run("pull", name, check=False)
