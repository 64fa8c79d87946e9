"""Replacing `registry:2` by lading in a Compose file, as docs/migrating.md has it, and going back.

The old image is Debian's `docker-registry` in a container, as there is no other registry to pull
one from.
"""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.commands import REPOSITORY, require
from tests.support.compose import Stack
from tests.support.distribution_serve import VERSION_2, program_of
from tests.support.docker import Docker
from tests.support.images import DEBIAN, LADING, build_hello_world
from tests.support.tars import archive

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

OLD = "lading-e2e/registry"
PORT = 5000
VOLUME = "registry:/var/lib/registry"
CONFIG = """\
version: 0.1
storage: {delete: {enabled: true}, filesystem: {rootdirectory: /var/lib/registry}}
http: {addr: ':5000'}
"""


@pytest.fixture(scope="module")
def stack(deployment: Docker, scratch: Path) -> Iterator[Stack]:
    """The folder of a Compose file, with nothing running yet."""
    require("docker-compose")
    files = {
        "Dockerfile": (
            f"FROM {DEBIAN}\nCOPY registry /usr/local/bin/\nCOPY config.yml /\n"
            'CMD ["registry", "serve", "/config.yml"]\n'
        ).encode(),
        "config.yml": CONFIG.encode(),
        "registry": Path(program_of(VERSION_2)).read_bytes(),
    }
    deployment.run("build", f"--tag={OLD}", "-", stdin=archive(files, mode=0o755))
    (scratch / "moving").mkdir()
    stack = Stack(deployment, scratch / "moving", PORT)
    yield stack
    stack.compose("down", "--volumes", "--timeout", "5")
    shutil.rmtree(scratch / "moving")


def documented_service() -> dict[str, Any]:
    """The service of docs/migrating.md."""
    text = (REPOSITORY / "docs" / "migrating.md").read_text()
    found = re.search(r"```yaml\n(services:\n.*?)```", text, re.DOTALL)
    assert found is not None
    service: dict[str, Any] = yaml.safe_load(found[1])["services"]["registry"]
    return service


def serve(stack: Stack, service: dict[str, Any]) -> None:
    """Write the file, and have it so."""
    document = {
        "services": {"registry": {**service, "ports": [f"{PORT}:5000"]}},
        "volumes": {"registry": None},
    }
    (stack.folder / "docker-compose.yml").write_text(yaml.safe_dump(document))
    stack.start("up", "-d")


def test_the_image_is_replaced_and_everything_is_there(stack: Stack) -> None:
    docker, image = stack.docker, f"{stack.host}/team/hello"
    serve(stack, {"image": OLD, "volumes": [VOLUME]})
    build_hello_world(docker, f"{image}:1")
    docker.push_and_pull_back(f"{image}:1")

    service = documented_service()
    assert (service["image"], service["volumes"]) == ("lading", [VOLUME])
    serve(stack, {**service, "image": LADING})

    assert "was taken over: 1 repositories" in stack.log()
    docker.run("tag", f"{image}:1", f"{image}:2")
    docker.push_and_pull_back(f"{image}:2")
    docker.push_and_pull_back(f"{image}:2", back=f"{image}:1")

    stack.compose("exec", "-T", "registry", "lading", "export", "/var/lib/registry")
    serve(stack, {"image": OLD, "volumes": [VOLUME]})
    docker.push_and_pull_back(f"{image}:1", back=f"{image}:2")
    assert set(json.loads(stack.curl("/v2/team/hello/tags/list").body)["tags"]) == {"1", "2"}
