"""Commands on images: the same verbs on our own data and on any registry."""

import json
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from lading.client import BlobContent, Client, RemoteManifest
from lading.client import registry as client
from lading.testing import Registry
from tests.cli.conftest import ROOT, Ours
from tests.support.commands import run
from tests.support.lading import program
from tests.support.odd_registry import Reply, Sent, odd_registry
from tests.support.pushes import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST, descriptor, digest_of

# How often what a shell offers is asked for until there is something.
PATIENCE = 10
FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"


def test_ls_lists_repositories(ours: Ours, theirs: Registry) -> None:
    assert ours.run("ls").stdout == "app\ntools/lint\n"
    assert ours.run("ls", theirs.host).stdout == "app\ntools/lint\n"
    assert ours.json("ls", "--server", theirs.host) == ["app", "tools/lint"]


def test_tags_are_in_the_order_that_people_count_in(ours: Ours, theirs: Registry) -> None:
    theirs.push_image("app:1.9")

    assert ours.run("tags", "app", "--short").stdout == "1.0\n1.1\n1.10\n"
    assert ours.run("tags", f"{theirs.host}/app", "--short").stdout == "1.0\n1.1\n1.9\n1.10\n"


def test_tags_have_sizes_and_times_as_far_as_they_are_known(ours: Ours, theirs: Registry) -> None:
    here, there = ours.json("tags", "app"), ours.json("tags", f"{theirs.host}/app")

    assert [tag["size"] for tag in here] == [tag["size"] for tag in there]
    assert [tag["digest"] for tag in here] == [
        theirs.digest(f"app:{t}") for t in ("1.0", "1.1", "1.10")
    ]
    assert all(tag["set_at"].startswith("2") for tag in here)
    assert all(tag["set_at"] is None for tag in there)


def test_lists_are_read_page_by_page(
    ours: Ours, theirs: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one is where `Link` says."""
    monkeypatch.setattr(client, "_PAGE", 3)
    for number in range(11):
        theirs.push_image(f"many:{number}", files={"x": "y"})

    said = ours.run("tags", f"{theirs.host}/many", "--short").stdout.splitlines()
    assert said == [str(number) for number in range(11)]
    assert [event.what for event in theirs.events].count("tags.list") == 4


@pytest.mark.parametrize("text", ["app:", "app@", "app:1.0@", "http://r.example.com/app:1.0"])
def test_a_reference_that_lacks_something_is_not_taken_for_another(ours: Ours, text: str) -> None:
    """As a script writes it whose variable is empty, and who pastes an address."""
    assert ours.run("inspect", text).exit_code == 2
    assert ours.run("tag", text, "new").exit_code == 2


@pytest.mark.parametrize("place", ["ours", "theirs"])
def test_inspect_tells_what_an_image_is(ours: Ours, theirs: Registry, place: str) -> None:
    where = [] if place == "ours" else ["--server", theirs.host]
    said = ours.json("inspect", "app:1.0", *where)

    assert said["kind"] == "image"
    assert said["config"]["labels"] == {"a": "b"}
    assert said["config"]["platform"] == "linux/amd64"
    index = ours.json("inspect", "app:1.10", *where)
    assert [child["platform"] for child in index["platforms"]] == ["linux/amd64", "linux/arm64"]
    shown = ours.run("inspect", f"app@{said['digest']}", *where).stdout
    assert "Label         a=b" in shown


def test_a_tag_that_begins_as_digests_do_is_no_digest(ours: Ours, theirs: Registry) -> None:
    """Build systems call tags so by the commit."""
    theirs.push_image("app:sha-1234567")

    assert (
        f"{theirs.host}/app:sha-1234567\n"
        in ours.run("inspect", f"{theirs.host}/app:sha-1234567").stdout
    )


@pytest.mark.parametrize("words", [["ls"], ["tags", "app", "--server"]])
def test_an_address_is_no_host(ours: Ours, words: list[str]) -> None:
    """As who copies it from a browser's line writes it: that is a mistake, and nothing failed."""
    result = ours.run(*words, "https://registry.example.com")

    assert result.exit_code == 2
    assert "is no host: write it as registry.example.com" in result.stderr


def test_an_empty_list_says_so_beside_the_answer(ours: Ours, theirs: Registry) -> None:
    theirs.reset()

    shown = ours.run("ls", theirs.host)

    assert (shown.stdout, shown.exit_code) == ("", 0)
    assert "nothing was pushed yet" in shown.stderr


def test_inspect_raw_prints_the_bytes_that_were_pushed(ours: Ours, theirs: Registry) -> None:
    raw = ours.run("inspect", "app:1.0", "--raw").stdout_bytes

    assert json.loads(raw) == theirs.manifest("app:1.0")


def test_a_tree_has_all_that_belongs_to_an_image(ours: Ours, theirs: Registry) -> None:
    theirs.push_artifact("app", b"{}", artifact_type="application/spdx+json", subject="app:1.10")

    root = ours.json("tree", f"{theirs.host}/app:1.10")

    assert [part["kind"] for part in root["parts"]] == ["image", "image", "referrer"]
    assert [part["kind"] for part in root["parts"][0]["parts"]] == ["config", "layer"]
    drawn = ours.run("tree", f"{theirs.host}/app:1.10").stdout
    assert "├── image linux/amd64  sha256:" in drawn
    assert "└── referrer application/spdx+json  sha256:" in drawn


def content_of(data: bytes) -> BlobContent:
    return BlobContent(digest_of(data), len(data), lambda at, length: [data[at : at + length]])


def test_an_index_of_blobs_has_layers(ours: Ours, theirs: Registry) -> None:
    """As BuildKit's cache is one: none of them is an image that is missing."""
    layer = b"a layer" * 100
    held = [descriptor(layer), descriptor(b"{}", "application/vnd.buildkit.cacheconfig.v0")]
    body = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": held}).encode()
    with Client(theirs.host) as asked:
        repository = asked.repository("cache")
        for data in (layer, b"{}"):
            repository.push_blob(content_of(data))
        repository.push_manifest("1", RemoteManifest(digest_of(body), OCI_INDEX, body))
    image = f"{theirs.host}/cache:1"

    parts = ours.json("tree", image)["parts"]
    assert [(part["kind"], part["missing"]) for part in parts] == [("layer", False)] * 2
    inspected = ours.json("inspect", image)
    assert (inspected["size"], inspected["platforms"]) == (702, [])
    assert ours.json("du", f"{theirs.host}/cache")["total"] == 702 + len(body)


def test_what_a_stranger_wrote_draws_nothing_of_its_own(ours: Ours, theirs: Registry) -> None:
    """Colours and lines of a terminal are pushed as easily as names."""
    theirs.push_artifact("app:x", b"1", artifact_type="a/b", annotations={"a": "\x1b[31mred\n"})

    assert "\x1b" not in ours.run("inspect", f"{theirs.host}/app:x").stdout


@pytest.mark.parametrize("place", ["ours", "theirs"])
def test_du_tells_own_bytes_from_shared_ones(ours: Ours, theirs: Registry, place: str) -> None:
    where = [] if place == "ours" else ["--server", theirs.host]
    said = ours.json("du", "app", *where)

    usages = {usage["name"]: usage for usage in said["items"]}
    assert usages["1.0"]["shared"] == usages["1.1"]["shared"] > 0
    assert usages["1.10"]["shared"] == 0
    total = sum(usage["own"] for usage in usages.values()) + usages["1.0"]["shared"]
    assert said["total"] == total
    all_of_it = ours.json("du", *where)
    assert [usage["name"] for usage in all_of_it["items"]] == ["app", "tools/lint"]


def test_search_finds_repositories_and_tags(ours: Ours, theirs: Registry) -> None:
    assert ours.json("search", "lint") == ["tools/lint", "tools/lint:2"]
    assert ours.json("search", "app:1.*") == ["app:1.0", "app:1.1", "app:1.10"]
    assert ours.run("search", f"{theirs.host}/LINT").stdout == "tools/lint\ntools/lint:2\n"
    assert ours.run("search", "nonsense").exit_code == 3


@pytest.mark.parametrize("place", ["ours", "theirs"])
def test_a_tag_is_set_and_taken_away(ours: Ours, theirs: Registry, place: str) -> None:
    where = [] if place == "ours" else ["--server", theirs.host]
    digest = theirs.digest("app:1.0")
    stable = "app:stable" if place == "ours" else f"{theirs.host}/app:stable"

    assert ours.json("tag", "app:1.0", "stable", "1", *where)["digest"] == digest
    assert ours.json("inspect", "app:stable", *where)["digest"] == digest
    assert (
        f"would delete {stable}  {digest}"
        in ours.run("rm", "app:stable", "--dry-run", *where).stdout
    )
    assert ours.json("rm", "app:stable", *where) == [{"name": stable, "digest": digest}]
    assert ours.run("inspect", "app:stable", *where).exit_code == 3
    assert ours.run("inspect", "app:1", *where).exit_code == 0
    assert ours.run("rm", f"app@{digest}", *where).exit_code == 0
    assert ours.json("tags", "app", "--short", *where)[0]["name"] == "1.1"


def test_what_was_deleted_of_ours_can_be_restored(ours: Ours) -> None:
    digest = ours.json("inspect", "app:1.0")["digest"]
    ours.run("rm", "app:1.0")

    assert ours.run("restore", "app:1.0").exit_code == 0
    assert ours.json("inspect", "app:1.0")["digest"] == digest


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["inspect", "app:9"], 3, "manifest unknown"),
        (["inspect", "nothing"], 3, "not known"),
        (["tags", "nothing"], 3, "not known"),
        (["inspect", "No Name"], 2, "repository names are"),
        (["inspect", "app:"], 2, "tags are up to"),
        (["tags", "app:1.0"], 2, "alone"),
        (["tag", "app:1.0", "no tag"], 2, "tags are up to"),
        (["rm", "app"], 2, "say which"),
        (["ls", "127.0.0.1:1"], 1, "cannot be reached"),
        (["du", "app", "127.0.0.1:1/app"], 2, "one registry"),
        (["du", "127.0.0.1:5000"], 2, "--server HOST"),
    ],
)
def test_what_goes_wrong_has_a_code_and_a_reason(
    ours: Ours, words: list[str], code: int, said: str
) -> None:
    result = ours.run(*words)

    assert result.exit_code == code, result.output
    assert said in result.stderr
    assert result.stdout == ""


def test_a_registry_without_a_catalog_is_said_to_have_none(ours: Ours) -> None:
    """As some have none: the specification asks for none."""
    with odd_registry(lambda _sent: Reply(404)) as registry:
        for words in (["ls", registry.host], ["search", "--server", registry.host, "app"]):
            result = ours.run(*words)
            assert result.exit_code == 1
            assert "does not list its repositories" in result.stderr
            assert "lading ls" not in result.stderr


def test_what_is_refused_has_a_code_of_its_own(ours: Ours) -> None:
    with Registry(users={"ci": "secret"}) as registry:
        result = ours.run("ls", registry.host)

        assert result.exit_code == 4
        assert f"lading login {registry.host}" in result.stderr
    with Registry(delete=False) as registry:
        registry.push_image("app:1")
        assert ours.run("rm", f"{registry.host}/app:1").exit_code == 4


def test_a_registry_that_deletes_no_tags_is_told_apart(ours: Ours, theirs: Registry) -> None:
    """Distribution 2 takes a tag for a digest that is none."""
    theirs.fail(status=400, on="manifest", method="DELETE")

    result = ours.run("rm", f"{theirs.host}/app:1.0")

    assert result.exit_code == 4
    assert "does not delete tags" in result.stderr


@pytest.mark.parametrize("tokens", [False, True])
def test_a_login_is_kept_where_docker_keeps_it(ours: Ours, *, tokens: bool) -> None:
    with Registry(users={"ci": "secret"}, tokens=tokens) as registry:
        registry.push_image("app:1")
        words = ["login", registry.host, "-u", "ci", "--password-stdin"]
        assert ours.run(*words, stdin="wrong\n").exit_code == 4
        assert ours.run("ls", registry.host).exit_code == 4
        assert ours.run(*words, stdin="secret\n").exit_code == 0
        kept = Path(ours.environ["DOCKER_CONFIG"], "config.json")
        assert list(json.loads(kept.read_text())["auths"]) == [registry.host]
        assert kept.stat().st_mode & 0o777 == 0o600
        assert ours.run("ls", registry.host).stdout == "app\n"
        assert ours.run("tag", f"{registry.host}/app:1", "2").exit_code == 0
        assert ours.run("logout", registry.host).exit_code == 0
        assert ours.run("ls", registry.host).exit_code == 4


@pytest.mark.parametrize("users", [None, {"ci": "secret"}])
def test_a_login_that_nobody_looked_at_is_said_so(ours: Ours, users: dict[str, str] | None) -> None:
    with Registry(users=users) as registry:
        words = ("login", registry.host, "-u", "ci", "--password-stdin")
        result = ours.run(*words, stdin="secret\n")

    assert result.exit_code == 0
    assert ("has not looked at the login" in result.stderr) == (users is None)


def test_a_wrong_password_is_said_to_be_wrong_and_not_kept(ours: Ours) -> None:
    with Registry(users={"ci": "secret"}) as registry:
        words = ("login", registry.host, "-u", "ci", "--password-stdin")
        result = ours.run(*words, stdin="another\n")

        assert result.exit_code == 4
        assert "the name or the password is wrong" in result.stderr


def test_a_helper_keeps_logins_if_docker_names_one(ours: Ours, tmp_path: Path) -> None:
    """By the protocol of docker-credential-helpers."""
    folder = Path(ours.environ["DOCKER_CONFIG"])
    (folder / "config.json").write_text('{"credsStore": "test", "other": 1}')
    helper = tmp_path / "docker-credential-test"
    helper.write_text(
        f"#!/bin/sh\ncase $1 in\nstore) cat >{tmp_path}/kept;;\n"
        f"get) cat >/dev/null; cat {tmp_path}/kept 2>/dev/null;;\n"
        f"erase) rm {tmp_path}/kept;;\nesac\n"
    )
    helper.chmod(0o755)
    ours.environ["PATH"] = f"{tmp_path}:/usr/bin:/bin"
    with Registry(users={"ci": "secret"}) as registry:
        words = ["login", registry.host, "-u", "ci", "--password-stdin"]
        assert ours.run(*words, stdin="secret\n").exit_code == 0

        assert "secret" not in (folder / "config.json").read_text()
        assert json.loads((folder / "config.json").read_text())["other"] == 1
        assert ours.run("ls", registry.host).exit_code == 0
        assert ours.run("logout", registry.host).exit_code == 0
        assert not (tmp_path / "kept").exists()


def test_what_passes_is_tried_again(ours: Ours, theirs: Registry) -> None:
    theirs.fail(times=2, status=503, on="tags")

    assert ours.run("tags", f"{theirs.host}/app", "--short").exit_code == 0


def test_a_download_that_is_cut_again_and_again_is_given_up(ours: Ours, theirs: Registry) -> None:
    theirs.fail(times=9, status=None, on="blob", after=0)

    result = ours.run("inspect", f"{theirs.host}/app:1.0")

    assert result.exit_code == 1
    assert result.stdout == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_told_how_to_complete(ours: Ours, shell: str) -> None:
    said = ours.run("completion", shell).stdout

    assert "_LADING_COMPLETE" in said
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=said.encode(), check=True)


def test_options_are_completed() -> None:
    asked = {
        "_LADING_COMPLETE": "bash_complete",
        "COMP_WORDS": "lading tags --s",
        "COMP_CWORD": "2",
    }

    assert run([program()], env=asked, check=False).stdout.decode().split() == [
        "plain,--short",
        "plain,--server",
    ]


def completed(*typed: str) -> list[str]:
    """What is offered for the last word that is being typed.

    Where a machine is busy nothing is offered at times, as it could not be so soon.
    """
    for _ in range(PATIENCE):
        if names := offer(*typed).stdout.decode().split()[1::3]:
            return names
    return []


def offer(*typed: str) -> subprocess.CompletedProcess[bytes]:
    """Complete the last word that is being typed."""
    asked = {
        "_LADING_COMPLETE": "zsh_complete",
        "COMP_WORDS": " ".join(["lading", *typed]),
        "COMP_CWORD": str(len(typed)),
    }
    return run([program()], env=asked, check=False)


def test_repositories_and_tags_are_completed(theirs: Registry) -> None:
    host = theirs.host

    assert completed("inspect", f"{host}/to") == [f"{host}/tools/lint"]
    assert completed("cp", f"{host}/app:1.1") == [f"{host}/app:1.1", f"{host}/app:1.10"]
    assert completed("tags", "--server", host, "a") == ["app"]
    assert completed("diff", f"{host}/app:1.1", f"{host}/app:1.10") == [f"{host}/app:1.10"]
    assert completed("du", f"{host}/app", f"{host}/to") == [f"{host}/tools/lint"]
    assert not offer("inspect", "127.0.0.1:1/a").stdout.split()
    assert not offer("inspect", f"{host}/none:").stdout.split()


def test_a_wait_is_told_of_but_not_to_who_is_typing(ours: Ours, theirs: Registry) -> None:
    theirs.push_image("app:1", files={"a": "b"})
    words = ("tags", f"{theirs.host}/app")
    theirs.fail(1, 503, on="tags", retry_after=1)
    assert "waiting 1 s: 503" in ours.run(*words).stderr

    for _ in range(PATIENCE):
        theirs.fail(1, 503, on="tags", retry_after=1)
        offered = offer("tags", f"{theirs.host}/app:1")
        assert offered.stderr == b""
        if offered.stdout:
            break
    assert b"app:1" in offered.stdout


def test_bash_completes_what_it_splits_at_colons(ours: Ours, theirs: Registry) -> None:
    script = ours.run("completion", "bash").stdout
    line = f"lading inspect {theirs.host}/app:1.1"
    trial = f"""{script}
    COMP_WORDBREAKS=$' \\t\\n:'
    COMP_LINE='{line}' COMP_POINT={len(line)}
    _lading_completion {program()}
    echo "${{COMPREPLY[@]}}"
    """

    for _ in range(PATIENCE):
        said = subprocess.run(["bash", "-c", trial], capture_output=True, text=True, check=True)
        if said.stdout.split():
            break

    assert said.stdout.split() == ["1.1", "1.10"]


def push_foreign(host: str, held: bytes, elsewhere: bytes) -> None:
    """Push an image of two layers that clients get from elsewhere, one of which is here, too."""
    config = b"{}"
    layers = [descriptor(data, FOREIGN) for data in (held, elsewhere)]
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(config, OCI_CONFIG),
        "layers": [{**layer, "urls": ["https://far.example/layer"]} for layer in layers],
    }
    body = json.dumps(document).encode()
    with Client(host) as asked:
        repository = asked.repository("windows")
        for data in (config, held):
            repository.push_blob(content_of(data))
        repository.push_manifest("1", RemoteManifest(digest_of(body), OCI_MANIFEST, body))


def test_layers_that_are_elsewhere_take_no_room_here(ours: Ours, theirs: Registry) -> None:
    push_foreign(theirs.host, b"here, too" * 100, b"elsewhere" * 9000)
    image = f"{theirs.host}/windows:1"

    [tag] = ours.json("tags", f"{theirs.host}/windows")
    used = ours.json("du", f"{theirs.host}/windows")

    assert 900 < used["total"] == tag["size"] < 9000
    layers = [part for part in ours.json("tree", image)["parts"] if part["kind"] == "layer"]
    assert [layer["missing"] for layer in layers] == [False, True]


def test_a_registry_that_fails_is_not_taken_for_one_that_has_less(ours: Ours) -> None:
    """Of what is left out of a sum nobody knows: the answer is right, or there is none."""

    def answer(sent: Sent) -> Reply:
        if "/tags/list" in sent.path:
            return Reply(body=b'{"name": "app", "tags": ["1", "2"]}')
        return Reply(body=b"{}") if sent.path == "/v2/" else Reply(403)

    with odd_registry(answer) as theirs:
        for words in (["du"], ["tags"]):
            result = ours.run(*words, f"{theirs.host}/app")
            assert (result.exit_code, result.stdout) == (4, "")
        asked = [sent.path for sent in theirs.sent].count("/v2/app/manifests/2")
        assert asked <= 1  # after the first one that failed


def test_a_repository_that_is_deleted_meanwhile_is_none_that_fails(ours: Ours) -> None:
    gone = b'{"errors": [{"code": "NAME_UNKNOWN", "message": "gone"}]}'

    def answer(sent: Sent) -> Reply:
        if "/tags/list" in sent.path:
            return Reply(body=b'{"name": "app", "tags": ["1"]}')
        return Reply(body=b"{}") if sent.path == "/v2/" else Reply(404, body=gone)

    with odd_registry(answer) as theirs:
        assert ours.json("du", f"{theirs.host}/app") == {"total": 0, "items": []}
        assert [tag["name"] for tag in ours.json("tags", f"{theirs.host}/app")] == ["1"]


def test_what_a_catalog_lists_may_be_gone_or_no_name(ours: Ours) -> None:
    """Distribution lists repositories whose last tag was deleted."""
    gone = b'{"errors": [{"code": "NAME_UNKNOWN", "message": "gone"}]}'

    def answer(sent: Sent) -> Reply:
        if "/_catalog" in sent.path:
            return Reply(body=b'{"repositories": ["app", "gone", "../../evil"]}')
        if sent.path.startswith("/v2/app/tags/list"):
            return Reply(body=b'{"name": "app", "tags": []}')
        return Reply(body=b"{}") if sent.path == "/v2/" else Reply(404, body=gone)

    with odd_registry(answer) as theirs:
        listed = ours.json("du", "--server", theirs.host)["items"]
        assert listed == [{"name": "app", "own": 0, "shared": 0}]
        assert ours.json("search", "--server", theirs.host, "app") == ["app"]
        assert [sent.path for sent in theirs.sent if "evil" in sent.path] == []
        assert ours.run("du", f"{theirs.host}/gone").exit_code == 3


def test_du_says_what_it_leaves_out(ours: Ours) -> None:
    with closing(sqlite3.connect(Path(ours.environ[ROOT], "lading/metadata.sqlite3"))) as database:
        database.execute("UPDATE documents SET body = zeroblob(length(body)) WHERE id = 1")
        database.commit()

    result = ours.run("du", "app")

    assert "app:1.0 is left out: the manifest is damaged" in result.stderr
    assert "1.1\t" in result.stdout


@pytest.mark.parametrize("place", ["ours", "theirs"])
def test_what_was_done_before_a_failure_is_said(ours: Ours, theirs: Registry, place: str) -> None:
    """It is not done again, and not looked for."""
    where = [] if place == "ours" else ["--server", theirs.host]

    for way, tag in (([], "1.0"), (["--json"], "1.1")):
        result = ours.run("rm", f"app:{tag}", "app:none", "app:1.10", *way, *where)
        assert result.exit_code == 3
        assert f"app:{tag}" in result.stdout
        assert "app:1.10" not in result.stdout
    assert ours.json("tags", "app", "--short", *where)[0]["name"] == "1.10"


def test_tags_that_were_set_before_one_that_is_refused_are_said(ours: Ours, tmp_path: Path) -> None:
    config = tmp_path / "config.yml"
    config.write_text('version: 0.1\ntags: {immutable: [{tags: ["1.1"]}]}\n')
    ours.environ["REGISTRY_CONFIGURATION_PATH"] = str(config)

    for way in ([], ["--json"]):
        result = ours.run("tag", "app:1.0", "stable", "1.1", "never", *way)
        assert result.exit_code == 4
        assert "stable" in result.stdout
        assert "never" not in result.stdout
