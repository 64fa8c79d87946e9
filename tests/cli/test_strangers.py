"""What strangers write, as every command prints it: it reads, and does nothing to a terminal."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import lading.cli
from lading.cli.output import clean, clean_lines, to_json
from lading.core.digest import Digest
from lading.testing import Registry
from tests.cli.conftest import Ours
from tests.cli.test_images import completed
from tests.cli.test_terminal import in_terminal
from tests.support.odd_registry import OddRegistry, Reply, Sent, odd_registry

# A title for the window, a colour as one character of eight bits, and letters turned around.
EVIL = "\x1b]0;mine\x07\x9b31m\u202eevil\x7f"
FORGED = f"{EVIL}\nforged"
OBEYED = ("\x1b]", "\x9b", "\x07", "\u202e", "\x7f", "\r\nforged", "\nforged")
CONFIG = json.dumps(
    {"architecture": "amd64", "os": "linux", "config": {"Labels": {EVIL: FORGED}, "Env": [FORGED]}}
).encode()
DESCRIPTOR = {"mediaType": "application/vnd.oci.image.config.v1+json", "size": len(CONFIG)}
IMAGE = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": FORGED,
        "config": {**DESCRIPTOR, "digest": str(Digest.of(CONFIG))},
        "layers": [],
        "annotations": {EVIL: FORGED},
    }
).encode()
REFERRER = {"mediaType": EVIL, "artifactType": FORGED, "digest": str(Digest.of(b"")), "size": 1}


def answer(sent: Sent) -> Reply:
    """A registry that says nothing without an escape."""
    path = sent.path.partition("?")[0]
    if "/broken/" in path or "/uploads/" in path:
        error = {"errors": [{"code": EVIL, "message": FORGED}]}
        return Reply(404 if sent.method == "HEAD" else 400, body=json.dumps(error).encode())
    if path.endswith("/_catalog"):
        return Reply(body=json.dumps({"repositories": ["app", FORGED, "a$(touch x)"]}).encode())
    if path.endswith("/tags/list"):
        return Reply(body=json.dumps({"tags": ["1", FORGED]}).encode())
    if "/referrers/" in path:
        return Reply(body=json.dumps({"manifests": [REFERRER]}).encode())
    if "/blobs/" in path:
        return Reply(body=CONFIG)
    kind = {"Content-Type": "application/vnd.oci.image.manifest.v1+json"}
    return Reply(body=IMAGE, headers=kind) if "/manifests/" in path else Reply()


@pytest.fixture(scope="module")
def stranger() -> Iterator[OddRegistry]:
    with odd_registry(answer) as registry:
        yield registry


COMMANDS = {
    "ls": ["ls", "{host}"],
    "search": ["search", "--server", "{host}", "o*"],
    "inspect": ["inspect", "{host}/app:1"],
    "raw": ["inspect", "{host}/app:1", "--raw"],
    "tree": ["tree", "{host}/app:1"],
    "json": ["tree", "{host}/app:1", "--json"],
    "diff": ["diff", "{host}/app:1", "{host}/app:1"],
    "error": ["inspect", "{host}/broken/app:1"],
    "tags": ["tags", "{host}/broken/app"],
    "cp": ["cp", "{host}/app:1", "{host}/broken/copy", "--plain-http"],
    "keep going": ["cp", "{host}/app", "{host}/broken/b", "--tags=*", "--keep-going"],
    "rm": ["rm", "{host}/broken/app:1"],
    "doctor": ["doctor", "http://{host}", "--repository", "broken/app", "--push"],
}

PRINTING = {
    "print",
    "click.echo",
    "click.secho",
    "sys.stdout.write",
    "sys.stdout.buffer.write",
    "sys.stderr.write",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_obeys_a_registry(ours: Ours, stranger: OddRegistry, command: str) -> None:
    words = [word.format(host=stranger.host) for word in COMMANDS[command]]

    said, _ = in_terminal(ours, *words)

    assert [one for one in OBEYED if one in said] == []
    assert "Traceback" not in said
    if command in {"ls", "inspect", "tree", "json", "error", "tags", "cp", "keep going"}:
        assert "mine" in said


def test_a_file_is_shown_on_a_terminal_without_its_controls(ours: Ours, theirs: Registry) -> None:
    theirs.push_image("app:evil", files={f"etc/{EVIL}": "x", "motd": FORGED})

    for words in (["files"], ["cat", "motd"], ["files", "--json"]):
        said, code = in_terminal(ours, words[0], f"{theirs.host}/app:evil", *words[1:])
        assert code == 0
        assert "mine" in said
        assert [one for one in OBEYED[:5] if one in said] == []


def test_bytes_and_json_in_a_pipe_are_what_was_pushed(ours: Ours, theirs: Registry) -> None:
    theirs.push_image("app:evil", files={"motd": FORGED}, labels={"said": FORGED})
    image = f"{theirs.host}/app:evil"

    assert ours.run("cat", image, "motd").stdout_bytes == FORGED.encode()
    assert ours.json("inspect", image)["config"]["labels"] == {"said": FORGED}


def test_names_in_a_volume_do_not_draw(ours: Ours, tmp_path: Path) -> None:
    repositories = tmp_path / "volume/docker/registry/v2/repositories"
    (repositories / FORGED.replace("/", "") / "_manifests/tags").mkdir(parents=True)

    said, _ = in_terminal(ours, "adopt", "--dry-run", str(tmp_path / "volume"))

    assert "mine" in said
    assert [one for one in OBEYED if one in said] == []


def test_a_shell_completes_nothing_that_it_would_run(stranger: OddRegistry) -> None:
    assert completed("inspect", f"{stranger.host}/a") == [f"{stranger.host}/app"]


def test_what_does_not_print_is_written_as_in_a_program() -> None:
    assert clean("gr\u00fcn \u2713 \U0001f680") == "gr\u00fcn \u2713 \U0001f680"
    assert clean("a\x1b[31m\n\x9b\u202e\udc80") == r"a\x1b[31m\n\x9b\u202e\udc80"
    assert clean_lines("a\tb\nc\rd") == "a\tb\nc\\rd"
    assert json.loads(to_json({"a": FORGED + "\U000e0041"})) == {"a": FORGED + "\U000e0041"}
    assert to_json("\x9b\udc80").isprintable()


def test_commands_print_in_one_way() -> None:
    """By `lading.cli.output`, so that none forgets what strangers write."""
    (folder,) = lading.cli.__path__
    calls = [
        (path.name, node)
        for path in Path(folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
    ]
    found = sorted(
        f"{name}: {ast.unparse(call)}" for name, call in calls if ast.unparse(call.func) in PRINTING
    )

    assert found == ["output.py: click.echo(styled + clean_lines(text), err=err, nl=nl)"]


@pytest.mark.parametrize("name", ["../../evil/manifests/1", "sha256:evil", "evil 1", ""])
def test_a_name_that_is_no_digest_becomes_part_of_no_request(ours: Ours, name: str) -> None:
    """Of a manifest that an index holds, and of a layer that is elsewhere."""
    far = {"digest": name, "size": 9, "urls": ["https://far.example/layer"]}
    image = {**json.loads(IMAGE), "artifactType": "", "annotations": {}, "layers": [far]}
    layered = json.dumps(image).encode()
    children = [{"digest": at, "size": 9} for at in (name, str(Digest.of(layered)))]
    for child in children:
        child["mediaType"] = image["mediaType"]
    kind = "application/vnd.oci.image.index.v1+json"
    index = {"schemaVersion": 2, "mediaType": kind, "manifests": children}

    def answer(sent: Sent) -> Reply:
        path = sent.path.partition("?")[0]
        if path.endswith("/tags/list"):
            return Reply(body=b'{"tags": ["1"]}')
        if path == "/v2/app/manifests/1":
            return Reply(body=json.dumps(index).encode(), headers={"Content-Type": kind})
        if path.endswith(f"/manifests/{Digest.of(layered)}"):
            return Reply(body=layered, headers={"Content-Type": image["mediaType"]})
        return Reply(body=b'{"manifests": []}') if "/referrers/" in path else Reply(404)

    with odd_registry(answer) as registry:
        for command in ("tags", "du", "tree"):
            ours.json(command, f"{registry.host}/app{':1' if command == 'tree' else ''}")
        asked = [sent.path for sent in registry.sent]

    assert f"/v2/app/manifests/{Digest.of(layered)}" in asked
    assert [path for path in asked if "evil" in path or path.endswith(("s/", "%201"))] == []
