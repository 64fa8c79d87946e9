"""`lading cp` brings images from anywhere to anywhere, and only what is not there."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lading.cli.cp import cp
from lading.client import Client, LayoutFolder
from lading.testing import Registry
from tests.support.lading import program

PLATFORMS = ["linux/amd64", "linux/arm64"]


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Registry, Registry]]:
    with Registry() as one, Registry() as other:
        yield one, other


@pytest.fixture
def here(servers: tuple[Registry, Registry]) -> Registry:
    servers[0].reset()
    return servers[0]


@pytest.fixture
def there(servers: tuple[Registry, Registry]) -> Registry:
    servers[1].reset()
    return servers[1]


def run(*words: object) -> Result:
    return CliRunner().invoke(cp, [str(word) for word in words])


def documents(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def requests_of(registry: Registry, after: int = 0) -> list[str]:
    """The methods of its requests, without those by which TLS is tried."""
    return [event.method for event in registry.events[after:] if event.path != "/v2/"]


def test_an_image_is_the_same_over_there(here: Registry, there: Registry) -> None:
    digest = here.push_image("app:1", platforms=PLATFORMS)

    result = run(f"{here.host}/app:1", f"{there.host}/team/app")

    assert result.exit_code == 0, result.output
    assert there.digest("team/app:1") == digest
    index = there.manifest("team/app:1")
    with Client(there.host) as client:
        for child in index["manifests"]:
            for blob in client.manifest("team/app", child["digest"]).blobs:
                assert b"".join(client.blob("team/app", blob["digest"]))


def test_a_second_run_asks_by_head_alone(here: Registry, there: Registry) -> None:
    for number in range(5):
        here.push_image(f"app:v{number}", files={"n": str(number)})
    words = (f"{here.host}/app", f"{there.host}/app", "--tags", "v*", "--json")
    assert run(*words).exit_code == 0
    before = len(here.events), len(there.events)

    result = run(*words)

    *images, last = documents(result)
    assert {one["outcome"] for one in images} == {"there"}
    assert len(images) == 5
    assert last["summary"]["bytes"] == 0
    assert set(requests_of(there, before[1])) == {"HEAD"}
    assert requests_of(here, before[0]).count("GET") == 1  # the list of tags
    assert requests_of(here, before[0]).count("HEAD") == 5


def test_patterns_choose_the_tags(here: Registry, there: Registry) -> None:
    for tag in ("v1", "v1-rc1", "v2", "latest"):
        here.push_image(f"app:{tag}", files={"tag": tag})

    result = run(f"{here.host}/app", f"{there.host}/app", "--tags", "v*", "--exclude", "*-rc*")

    assert result.exit_code == 0
    assert there.tags("app") == ["v1", "v2"]


def test_what_is_about_an_image_comes_along(here: Registry, there: Registry) -> None:
    subject = here.push_image("app:1")
    signature = here.push_artifact("app", b"s", artifact_type="a/sig", subject="app:1")
    cosign = f"{subject.replace(':', '-')}.sig"
    here.push_image(f"app:{cosign}", files={"signature": "x"})

    run(f"{here.host}/app:1", f"{there.host}/app")
    with Client(there.host) as client:
        repository = client.repository("app")
        assert [one["digest"] for one in repository.referrers(subject)] == [signature]
        assert sorted(repository.tags()) == sorted(["1", cosign])

    run(f"{here.host}/app:1", f"{there.host}/bare", "--no-referrers")
    with Client(there.host) as client:
        assert list(client.tags("bare")) == ["1"]
        assert client.repository("bare").referrers(subject) == []


def test_a_platform_is_chosen_of_an_index(here: Registry, there: Registry) -> None:
    here.push_image("app:1", platforms=[*PLATFORMS, "linux/s390x"])

    run(f"{here.host}/app:1", f"{there.host}/app:one", "--platform", "linux/arm64")
    run(
        *(f"{here.host}/app:1", f"{there.host}/app:two"),
        *("--platform", "linux/arm64", "--platform", "linux/amd64"),
    )

    assert "config" in there.manifest("app:one")
    assert len(there.manifest("app:two")["manifests"]) == 2
    result = run(f"{here.host}/app:1", f"{there.host}/app", "--platform", "plan9/amd64")
    assert result.exit_code == 3
    assert "linux/s390x" in result.stderr


def test_within_a_registry_blobs_are_mounted(here: Registry) -> None:
    here.push_image("app:1", files={"a": "b"})

    result = run(f"{here.host}/app:1", f"{here.host}/other", "--json")

    assert documents(result)[-1]["summary"]["bytes"] == 0
    uploads = [event for event in here.events if "/blobs/uploads/" in event.path]
    assert {event.method for event in uploads} == {"POST"}


def test_a_folder_is_a_place_like_any(here: Registry, there: Registry, tmp_path: Path) -> None:
    digest = here.push_image("app:1", platforms=PLATFORMS)
    here.push_artifact("app", b"s", artifact_type="a/sig", subject="app:1")

    assert run(f"{here.host}/app:1", f"oci:{tmp_path}/layout").exit_code == 0
    assert LayoutFolder(tmp_path / "layout").digest("1") == digest
    assert run(f"oci:{tmp_path}/layout:1", f"{there.host}/app").exit_code == 0

    assert there.digest("app:1") == digest
    with Client(there.host) as client:
        assert len(client.repository("app").referrers(digest)) == 1


def test_a_dry_run_changes_nothing(here: Registry, there: Registry) -> None:
    here.push_image("app:1")

    result = run(f"{here.host}/app:1", f"{there.host}/app", "--dry-run")

    assert result.stdout.split("\t")[0] == "to copy"
    assert there.repositories() == []


def test_failures_are_listed_and_the_rest_is_copied(here: Registry, there: Registry) -> None:
    for number in range(4):
        here.push_image(f"app:v{number}", files={"n": str(number)})
    words = (f"{here.host}/app", f"{there.host}/app", "--tags", "v*", "--jobs", "1")
    there.fail(1, 400, on="manifest", method="PUT")

    result = run(*words, "--keep-going")

    assert result.exit_code == 1
    assert len(there.tags("app")) == 3
    assert result.stdout.count("failed\t") == 1
    assert "failed: v" in result.stderr
    assert run(*words).exit_code == 0
    assert len(there.tags("app")) == 4


def test_what_passes_is_waited_for(here: Registry, there: Registry) -> None:
    here.push_image("app:1", files={"data": "x" * 400_000})
    there.fail(2, 429, on="blob", retry_after=1)
    there.fail(1, 500, on="manifest", method="PUT")
    here.fail(1, None, on="blob", after=100)

    result = run(f"{here.host}/app:1", f"{there.host}/app")

    assert result.exit_code == 0, result.output
    assert there.digest("app:1") == here.digest("app:1")


def test_ctrl_c_ends_it_at_once(here: Registry, there: Registry) -> None:
    here.push_image("app:1", files={"data": "x" * 300_000})
    there.fail(50, 503, on="blob", retry_after=30)
    words = [program(), "cp", f"{here.host}/app:1", f"{there.host}/app"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stderr is not None
    while b"waiting 30 s" not in process.stderr.readline():
        assert process.poll() is None

    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=20)[1].decode()

    assert process.returncode == 130
    assert "goes on with what is left" in said
    assert "Traceback" not in said


def test_exit_codes_say_what_was_wrong(here: Registry, there: Registry) -> None:
    assert run(f"{here.host}/none:1", f"{there.host}/app").exit_code == 3
    assert run("UPPER", f"{there.host}/app").exit_code == 2
    assert run(f"{here.host}/a:1", f"{there.host}/app", "--tags", "v*").exit_code == 2
    with Registry(users={"ann": "secret"}) as closed:
        here.push_image("app:1")
        result = run(f"{here.host}/app:1", f"{closed.host}/app")
    assert result.exit_code == 4
    assert "sign in" in result.stderr
