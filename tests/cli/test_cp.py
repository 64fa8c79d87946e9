"""`lading cp` brings images from anywhere to anywhere, and only what is not there."""

import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lading.cli.commands import main
from lading.cli.copy_places import PlaceOpener
from lading.cli.copy_progress import CopyBars
from lading.client import (
    BlobContent,
    Client,
    ClientError,
    LayoutFolder,
    RemoteManifest,
    SessionOptions,
)
from lading.testing import Registry
from tests.support.commands import REPOSITORY
from tests.support.lading import program
from tests.support.layouts import write_layout
from tests.support.odd_registry import OddRegistry, Reply, Sent, odd_registry
from tests.support.pushes import OCI_CONFIG, OCI_LAYER, OCI_MANIFEST, descriptor, digest_of

FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
PLATFORMS = ["linux/amd64", "linux/arm64"]
MIB = 1024 * 1024


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


def content_of(data: bytes) -> BlobContent:
    return BlobContent(digest_of(data), len(data), lambda at, length: [data[at : at + length]])


def run(*words: object) -> Result:
    return CliRunner().invoke(main, ["cp", *map(str, words)])


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
    heads = [event.status for event in here.events[before[0] :] if event.method == "HEAD"]
    assert heads == [304] * 5  # it was told what is there, so it need not look for the manifest


def test_what_is_mounted_is_not_left_to_be_sent() -> None:
    """A bar that stands at nothing to the end says that the copy has failed."""
    steps = CopyBars()
    for digest, size in ((digest_of(b"mounted"), 5 * MIB), (digest_of(b"sent"), 2 * MIB)):
        steps.begin(digest, size)
    steps.end(digest_of(b"mounted"), sent=False)
    steps.advance(digest_of(b"sent"), 2 * MIB)
    steps.end(digest_of(b"sent"), sent=True)

    [whole] = steps.bars.tasks
    assert (whole.completed, whole.total) == (2 * MIB, 2 * MIB)
    assert steps.size == 2 * MIB


def test_patterns_choose_the_tags(here: Registry, there: Registry) -> None:
    for tag in ("v1", "v1-rc1", "v2", "latest"):
        here.push_image(f"app:{tag}", files={"tag": tag})

    result = run(f"{here.host}/app", f"{there.host}/app", "--tags", "v*", "--exclude", "*-rc*")

    assert result.exit_code == 0
    assert there.tags("app") == ["v1", "v2"]


@pytest.mark.parametrize("kind", [OCI_LAYER, FOREIGN])
def test_layers_that_clients_find_elsewhere_come_along_if_they_are_there(
    here: Registry, there: Registry, kind: str
) -> None:
    """As those of Windows, which a registry may hold for clients that reach nothing else."""
    held, elsewhere = b"held here, too", b"elsewhere alone"
    layers = [{**descriptor(data, kind), "urls": ["https://a"]} for data in (held, elsewhere)]
    body = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor(b"{}", OCI_CONFIG),
            "layers": layers,
        }
    ).encode()
    with Client(here.host) as client:
        repository = client.repository("app")
        for data in (b"{}", held):
            repository.push_blob(content_of(data))
        repository.push_manifest("1", RemoteManifest(digest_of(body), OCI_MANIFEST, body))

    assert run(f"{here.host}/app:1", f"{there.host}/app").exit_code == 0

    with Client(there.host) as client:
        repository = client.repository("app")
        assert [repository.has_blob(digest_of(data)) for data in (held, elsewhere)] == [True, False]


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


def test_what_is_about_that_comes_along_too(
    here: Registry, there: Registry, tmp_path: Path
) -> None:
    """As the signature of an SBOM."""
    here.push_image("app:1")
    sbom = here.push_artifact("app", b"sbom", artifact_type="a/sbom", subject="app:1")
    signature = here.push_artifact("app", b"signed", artifact_type="a/signature", subject=sbom)

    assert run(f"{here.host}/app:1", f"oci:{tmp_path}").exit_code == 0
    assert run(f"oci:{tmp_path}:1", f"{there.host}/app").exit_code == 0

    with Client(there.host) as client:
        (about,) = client.repository("app").referrers(sbom)
    assert about["digest"] == signature


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


@pytest.mark.parametrize("status", [202, 404])
def test_within_a_registry_that_mounts_nothing_uploads_do_not_wait_for_each_other(
    here: Registry, status: int
) -> None:
    for number in range(6):
        here.push_image(f"app:{number}", files={"data": str(number) * 300_000})

    with without_mounts(here, status) as old:
        places = f"{old.host}/app", f"{old.host}/copy"
        words = [program(), "cp", "--jobs", "2", "--tags", "*", *places]
        done = subprocess.run(words, capture_output=True, check=False, timeout=60)

    assert done.returncode == 0, done.stderr
    assert here.tags("copy") == here.tags("app")


def test_a_folder_is_a_place_like_any(here: Registry, there: Registry, tmp_path: Path) -> None:
    digest = here.push_image("app:1", platforms=PLATFORMS)
    here.push_artifact("app", b"s", artifact_type="a/sig", subject="app:1")

    assert run(f"{here.host}/app:1", f"oci:{tmp_path}/layout").exit_code == 0
    assert LayoutFolder(tmp_path / "layout").digest("1") == digest
    assert run(f"oci:{tmp_path}/layout:1", f"{there.host}/app").exit_code == 0

    assert there.digest("app:1") == digest
    with Client(there.host) as client:
        assert len(client.repository("app").referrers(digest)) == 1


def test_an_index_that_was_saved_for_one_platform_is_copied_as_that(
    here: Registry, tmp_path: Path
) -> None:
    """As `docker save` does of an image that was pulled for this machine alone."""
    layout = write_layout(tmp_path / "saved")
    (layout.path / "blobs" / layout.image("arm64").replace(":", "/")).unlink()
    source = f"oci:{layout.path}:latest"

    assert run(source, f"{here.host}/app:1").exit_code == 3
    assert run(source, f"{here.host}/app:1", "--platform", "linux/amd64").exit_code == 0

    assert here.digest("app:1") == layout.image("amd64")


def test_a_folder_lists_all_that_was_brought_whatever_ends_the_run(
    here: Registry, tmp_path: Path
) -> None:
    for number in range(14):
        here.push_image(f"app:{number}", files={"n": str(number)})
    here.fail(times=1, status=418, on="manifest", method="GET")
    layout = tmp_path / "layout"

    result = run(f"{here.host}/app", f"oci:{layout}", "--tags", "*", "--keep-going")

    assert result.exit_code == 1
    assert len([*LayoutFolder(layout).tags()]) == result.stdout.count("copied") == 13


@pytest.mark.parametrize("more", [(), ("--keep-going",)], ids=["first error", "all errors"])
def test_a_folder_that_cannot_be_listed_hides_no_other_error(
    here: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...]
) -> None:
    here.push_image("app:1")
    here.fail(times=9, status=418, on="manifest", method="GET")

    def fail(_opener: PlaceOpener) -> None:
        raise ClientError("no room for the index")

    monkeypatch.setattr(PlaceOpener, "settle", fail)

    result = run(f"{here.host}/app", f"oci:{tmp_path}/layout", "--tags", "*", *more)

    assert result.exit_code == 1
    assert "418" in result.stderr
    assert "no room for the index" in result.stderr


def test_a_host_that_refuses_connections_is_not_waited_for(here: Registry) -> None:
    here.push_image("app:1")
    begun = time.monotonic()

    result = run(f"{here.host}/app:1", "127.0.0.1:1/app")

    assert result.exit_code == 1
    assert "refused" in result.stderr
    assert time.monotonic() - begun < 10  # with all tries it is 15 and more


def test_what_is_no_layout_is_said_so(here: Registry, tmp_path: Path) -> None:
    (tmp_path / "image.tar").write_bytes(b"an archive")
    (tmp_path / "folder").mkdir()
    for name in ("image.tar", "folder", "nothing"):
        for text in (f"{tmp_path}/{name}", f"oci:{tmp_path}/{name}:1"):
            result = run(text, f"{here.host}/app")
            assert result.exit_code == 3
            assert "is no OCI image layout" in result.stderr


@pytest.mark.parametrize(
    "text", ["docker-archive:a.tar", "oci-archive:a.tar:1", "dir:a", "docker://a"]
)
def test_places_of_other_tools_are_not_looked_for_at_docker_hub(here: Registry, text: str) -> None:
    for pair in ((text, f"{here.host}/app"), (f"{here.host}/app:1", text)):
        result = run(*pair)
        assert result.exit_code == 2
        assert "waiting" not in result.stderr
        assert "://" in text or f"skopeo copy {text} oci:" in result.stderr


def test_all_repositories_go_by_the_loop_of_the_documents(here: Registry, there: Registry) -> None:
    names = [f"{folder}/app{number}" for folder in ("a", "b/c") for number in range(2)]
    for name in names:
        here.push_image(f"{name}:1")
    text = (REPOSITORY / "docs" / "migrating.md").read_text()
    (loop,) = re.findall(r"^\$ (lading ls .*done)$", text, re.M)
    line = loop.replace("old.example.com", here.host).replace("registry.example.com", there.host)
    path = f"{Path(program()).parent}:{os.environ['PATH']}"

    subprocess.run(["sh", "-c", line], env={**os.environ, "PATH": path}, check=True, timeout=60)

    assert there.repositories() == names


def test_the_only_image_of_a_folder_needs_no_tag(
    here: Registry, there: Registry, tmp_path: Path
) -> None:
    """As builds leave one that were told no name; several have to be told apart."""
    one, other = (here.push_image(f"app:{tag}", files={"a": tag}) for tag in "12")
    for name, digests in (("layout", [one]), ("both", [one, other])):
        folder = tmp_path / name
        for digest in digests:
            copied = run(f"{here.host}/app@{digest}", f"oci:{folder}:{digest[7:]}")
            assert copied.exit_code == 0
        index = json.loads((folder / "index.json").read_text())
        for entry in index["manifests"]:
            entry.pop("annotations", None)
        (folder / "index.json").write_text(json.dumps(index))

    assert run(f"oci:{tmp_path}/layout", f"{there.host}/app:v1").exit_code == 0
    assert run(f"oci:{tmp_path}/layout", f"{there.host}/app").exit_code == 0
    assert (there.digest("app:v1"), there.digest("app:latest")) == (one, one)
    assert run(f"oci:{tmp_path}/both", f"{there.host}/both").exit_code == 3


def test_the_only_image_of_a_folder_keeps_its_tag(
    here: Registry, there: Registry, tmp_path: Path
) -> None:
    """As in what `docker save app:1.0` writes; of several, those that there are get named."""
    digest = here.push_image("app:1.0", files={"a": "1"})
    here.push_image("app:2.0", files={"a": "2"})
    folder = tmp_path / "layout"
    assert run(f"{here.host}/app:1.0", f"oci:{folder}").exit_code == 0

    assert run(f"oci:{folder}", f"{there.host}/app").exit_code == 0
    assert (there.tags("app"), there.digest("app:1.0")) == (["1.0"], digest)

    assert run(f"{here.host}/app:2.0", f"oci:{folder}").exit_code == 0
    several = run(f"oci:{folder}", f"{there.host}/app")
    assert several.exit_code == 3
    assert "has no image 'latest'; it has 1.0, 2.0" in several.stderr


@pytest.mark.parametrize("lacks", ["layout:", "layout@", "new:", "new@"])
def test_a_tag_that_is_lacking_is_not_taken_for_another(
    here: Registry, tmp_path: Path, lacks: str
) -> None:
    """As a script writes it whose variable is empty, of a folder, too."""
    here.push_image("app:latest")
    (tmp_path / "layout").mkdir()
    assert run(f"{here.host}/app", f"oci:{tmp_path}/layout").exit_code == 0

    for pair in (
        (f"oci:{tmp_path}/{lacks}", f"{here.host}/b"),
        (f"{here.host}/app", f"oci:{tmp_path}/{lacks}"),
    ):
        result = run(*pair)
        assert result.exit_code == 2
        assert "is missing" in result.stderr
    assert not (tmp_path / "new").exists()


def test_a_dry_run_changes_nothing(here: Registry, there: Registry) -> None:
    here.push_image("app:1")

    result = run(f"{here.host}/app:1", f"{there.host}/app", "--dry-run")

    assert result.stdout.split("\t")[0] == "to copy"
    assert there.repositories() == []


def test_a_dry_run_says_what_would_be_done(here: Registry, there: Registry) -> None:
    here.push_image("app:1")
    run(f"{here.host}/app:1", f"{there.host}/app")
    words = (f"{here.host}/app:1", f"{there.host}/app")

    assert run(*words, "--dry-run").stdout.split("\t")[0] == "there"
    assert run(*words, "--dry-run", "--again").stdout.split("\t")[0] == "to copy"
    assert run(*words, "--again").stdout.split("\t")[0] == "copied"
    missing = (f"{here.host}/app:2", f"{there.host}/app")
    assert run(*missing, "--dry-run").exit_code == run(*missing).exit_code == 3


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


@contextmanager
def without_referrers(registry: Registry) -> Iterator[OddRegistry]:
    """A registry as it was before there were referrers: it does not list what is about an image."""

    def answer(sent: Sent) -> Reply:
        if "/referrers/" in sent.path:
            return Reply(404, b"404 page not found\n")
        return pass_on(registry, sent)

    with odd_registry(answer) as old:
        yield old


@contextmanager
def without_mounts(registry: Registry, status: int) -> Iterator[OddRegistry]:
    """A registry that mounts nothing: it begins an upload instead (202), or refuses."""

    def answer(sent: Sent) -> Reply:
        if "mount=" not in sent.path:
            return pass_on(registry, sent)
        path = sent.path.partition("?")[0]
        return pass_on(registry, replace(sent, path=path)) if status == 202 else Reply(status)

    with odd_registry(answer) as old:
        yield old


def pass_on(registry: Registry, sent: Sent) -> Reply:
    """The registry's own answer."""
    connection = HTTPConnection(registry.host)
    headers = {name: sent.headers[name] for name in PASSED if name in sent.headers}
    connection.request(sent.method, sent.path, sent.body, headers)
    found = connection.getresponse()
    body = found.read()
    kept = {name: value for name, value in found.getheaders() if name.lower() in TOLD}
    connection.close()
    return Reply(found.status, body, kept)


PASSED = ("Accept", "Content-Type", "Content-Range")
TOLD = {"docker-content-digest", "content-type", "location", "range", "link"}


def test_what_is_about_an_image_is_listed_by_a_tag_where_a_registry_lists_nothing(
    here: Registry, there: Registry
) -> None:
    subject = here.push_image("app:1")
    signatures = {
        here.push_artifact("app", data, artifact_type="a/sig", subject="app:1")
        for data in (b"1", b"2")
    }
    fallback = subject.replace(":", "-")

    with without_referrers(there) as old:
        assert run(f"{here.host}/app:1", f"{old.host}/app").exit_code == 0
        assert there.tags("app") == sorted(["1", fallback])
        listed = there.manifest(f"app:{fallback}")["manifests"]
        assert {one["digest"] for one in listed} == signatures
        assert {one["artifactType"] for one in listed} == {"a/sig"}

        # From there to where they are listed again.
        assert run(f"{old.host}/app:1", f"{here.host}/back").exit_code == 0
        asked = [one.path for one in old.sent if "/referrers/" in one.path]

    assert len(asked) == 1
    with Client(here.host) as client:
        found = client.repository("back").referrers(subject)
    assert {one["digest"] for one in found} == signatures


def test_all_of_an_image_is_looked_at_again_if_that_is_said(
    here: Registry, there: Registry
) -> None:
    subject = here.push_image("app:1")
    words = (f"{here.host}/app:1", f"{there.host}/app")
    assert run(*words).exit_code == 0
    signature = here.push_artifact("app", b"s", artifact_type="a/sig", subject="app:1")

    assert run(*words).stdout.startswith("there")
    with Client(there.host) as client:
        assert client.repository("app").referrers(subject) == []
        assert run(*words, "--again").stdout.startswith("copied")
        assert [one["digest"] for one in client.repository("app").referrers(subject)] == [signature]


def test_tags_that_are_not_there_are_asked_for_by_one_list(here: Registry, there: Registry) -> None:
    for number in range(30):
        here.push_image(f"app:v{number}", files={"n": str(number)})

    result = run(f"{here.host}/app", f"{there.host}/app", "--tags", "v*", "--jobs", "2")

    assert result.exit_code == 0, result.output
    asked = [event.method for event in there.events if event.path != "/v2/"]
    assert asked.count("GET") == 1
    assert asked.count("HEAD") <= 4  # those that were under way before it was known
    # A configuration, a layer and the manifest: what is small goes with one request.
    assert len(asked) <= 30 * 3 + 5


def test_a_place_that_is_without_tls_or_with_another_authority_is_said_by_options(
    tmp_path: Path,
) -> None:
    with Registry(tls=True) as safe:
        safe.push_image("app:1")
        target = f"oci:{tmp_path}/layout"
        refused = run(f"{safe.host}/app:1", target)
        assert refused.exit_code == 1
        assert "certs.d" in refused.stderr
        assert run(f"{safe.host}/app:1", target, "--ca", safe.ca).exit_code == 0
        assert run(f"{safe.host}/app:1", target, "--insecure", "--again").exit_code == 0
        assert run(f"{safe.host}/app:1", target, "--plain-http", "--again").exit_code == 1


def test_a_registry_that_bounds_requests_gets_fewer_at_a_time(
    here: Registry, there: Registry
) -> None:
    """429 for all but so many at a time, as it is told to every client of one address."""
    for number in range(12):
        here.push_image(f"app:v{number}", files={"n": str(number)})
    under_way, lock, refused = [0], threading.Lock(), [0]

    with without_referrers(there) as plain:

        def answer(sent: Sent) -> Reply:
            with lock:
                if under_way[0] >= 2:
                    refused[0] += 1
                    return Reply(429, headers={"Retry-After": "1"})
                under_way[0] += 1
            try:
                time.sleep(0.03)
                return Reply(307, headers={"Location": f"http://{plain.host}{sent.path}"})
            finally:
                with lock:
                    under_way[0] -= 1

        with odd_registry(answer) as strict:
            words = (f"{here.host}/app", f"{strict.host}/app", "--tags", "v*", "--jobs", "8")
            result = run(*words, "--plain-http")

    assert result.exit_code == 0, result.output
    assert there.tags("app") == sorted(f"v{number}" for number in range(12))
    assert 0 < refused[0] < 40


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("oci:DIR", ""),
        ("oci:DIR:1", "1"),
        ("oci:DIR:docker.io/library/app:1", "1"),
        ("oci:DIR@sha256:" + "a" * 64, "sha256:" + "a" * 64),
        ("oci:DIR:sha256:" + "a" * 64, "sha256:" + "a" * 64),
        ("DIR:1", "1"),
    ],
)
def test_a_folder_may_have_colons_and_its_images_whole_names(
    tmp_path: Path, typed: str, wanted: str
) -> None:
    folder = tmp_path / "at:10:30@home"
    folder.mkdir()
    with ExitStack() as stack:
        opened = PlaceOpener(stack, SessionOptions()).open(typed.replace("DIR", str(folder)))
    assert (opened.place.name, opened.wanted) == (str(folder), wanted)
