"""Keys for the object store: from where Amazon's own programs have them, in their order."""

import asyncio
import json
import time
import traceback
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import replace
from http.server import ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from lading import __version__
from lading.blobs.s3 import role_keys
from lading.blobs.s3.access_keys import AccessKeys, find_keys
from lading.blobs.s3.bucket import BucketUnusable, S3Bucket
from lading.blobs.s3.object_store import ObjectStore
from lading.blobs.s3.object_streams import PIPED
from lading.blobs.s3.role_keys import PassingKeys, fetch_role_keys
from lading.core.errors import Unavailable
from lading.ports.object_sources import Chunks, Segment
from lading.ports.objects import StoredObject
from tests.support.s3 import ACCESS_KEY, S3, SECRET_KEY, address_of, unfinished
from tests.support.small_servers import QuietHandler, served

BUCKET = S3Bucket("images")
FROM_ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "E", "AWS_SECRET_ACCESS_KEY": "ES"}


def in_seconds(seconds: float) -> str:
    """A time to come, as keys say when they end."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


class Roles(ThreadingHTTPServer):
    """Whoever gives roles their keys: a container's host, Amazon's token service, a machine's."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[str] = []
        self.told: set[tuple[str, str]] = set()
        self.token = "t"
        self.keys: dict[str, str] = {
            "AccessKeyId": ACCESS_KEY,
            "SecretAccessKey": SECRET_KEY,
            "Expiration": in_seconds(3600),
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(QuietHandler):
    server: Roles

    def do_PUT(self) -> None:
        self._answer(b"a-token")

    def do_POST(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        if self.path.startswith("/container") and self.headers["Authorization"] == "let-me-in":
            self._answer(json.dumps({**self.server.keys, "Token": self.server.token}).encode())
        elif self.path.startswith("/sts") and "WebIdentityToken=who-i-am" in self.path:
            keys = "".join(f"<{name}>{text}</{name}>" for name, text in self.server.keys.items())
            keys += f"<SessionToken>{self.server.token}</SessionToken>"
            found = f"<Credentials>{keys}</Credentials>"
            root = 'AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/"'
            result = f"<AssumeRoleWithWebIdentityResult>{found}</AssumeRoleWithWebIdentityResult>"
            self._answer(f"<{root}>{result}</{root.split(maxsplit=1)[0]}>".encode())
        elif self.path.endswith("/security-credentials/") and self._may:
            self._answer(b"a-role")
        elif self.path.endswith("/security-credentials/a-role") and self._may:
            self._answer(json.dumps({**self.server.keys, "Token": self.server.token}).encode())
        else:
            self.send_error(403)

    @property
    def _may(self) -> bool:
        return self.headers["X-aws-ec2-metadata-token"] == "a-token"

    def _answer(self, body: bytes) -> None:
        self.server.asked.append(self.path)
        self.server.told.add((self.headers["User-Agent"], self.headers["Accept-Encoding"]))
        self.send_whole(body)


@pytest.fixture
def roles() -> Iterator[Roles]:
    with served(Roles()) as server:
        yield server


@pytest.fixture(params=["container", "web identity", "machine"])
def role(request: pytest.FixtureRequest, roles: Roles, tmp_path: Path) -> dict[str, str]:
    """What the environment says of a role."""
    (tmp_path / "token").write_text("let-me-in\n")
    (tmp_path / "identity").write_text("who-i-am")
    found: dict[str, dict[str, str]] = {
        "container": {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{roles.url}/container",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(tmp_path / "token"),
        },
        "web identity": {
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "identity"),
            "AWS_ROLE_ARN": "arn:aws:iam::1:role/registry",
            "AWS_STS_ENDPOINT": f"{roles.url}/sts",
        },
        "machine": {"AWS_METADATA_ENDPOINT": roles.url},
    }
    return {"HOME": str(tmp_path), **found[request.param]}


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment that says nothing of keys."""
    for name in (*FROM_ENVIRONMENT, "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def profiles(home: Path, credentials: str, config: str = "") -> dict[str, str]:
    (home / ".aws").mkdir()
    (home / ".aws/credentials").write_text(credentials)
    (home / ".aws/config").write_text(config)
    return {"HOME": str(home)}


def test_the_configuration_comes_first() -> None:
    bucket = replace(BUCKET, access_key="C", secret_key="CS")
    assert find_keys(bucket, FROM_ENVIRONMENT) == AccessKeys("C", "CS")


def test_then_the_environment(tmp_path: Path) -> None:
    home = profiles(tmp_path, "[default]\naws_access_key_id=P\naws_secret_access_key=PS\n")
    environ = {**home, **FROM_ENVIRONMENT, "AWS_SESSION_TOKEN": "T"}
    assert find_keys(BUCKET, environ) == AccessKeys("E", "ES", "T")


def test_then_a_role_of_the_environment(tmp_path: Path) -> None:
    home = profiles(tmp_path, "[default]\naws_access_key_id=P\naws_secret_access_key=PS\n")
    assert find_keys(BUCKET, {**home, "AWS_WEB_IDENTITY_TOKEN_FILE": "/token"}) is None


def test_then_a_profile(tmp_path: Path) -> None:
    credentials = (
        "[default]\naws_access_key_id = P\naws_secret_access_key = PS\n"
        "[other]\naws_access_key_id = O\naws_secret_access_key = OS\naws_session_token = T\n"
    )
    home = profiles(tmp_path, credentials, "[default]\nregion = x\n")
    assert find_keys(BUCKET, home) == AccessKeys("P", "PS")
    assert find_keys(BUCKET, {**home, "AWS_PROFILE": "other"}) == AccessKeys("O", "OS", "T")


def test_a_profile_in_the_file_of_settings_counts_as_well(tmp_path: Path) -> None:
    settings = "[profile third]\naws_access_key_id=X\naws_secret_access_key=XS\n"
    home = profiles(tmp_path, "", settings)
    assert find_keys(BUCKET, {**home, "AWS_PROFILE": "third"}) == AccessKeys("X", "XS")


def test_at_last_the_machine(tmp_path: Path) -> None:
    assert find_keys(BUCKET, {"HOME": str(tmp_path)}) is None


@pytest.mark.parametrize("name", ["default", "missing"])
def test_a_profile_that_is_of_no_use_is_told(tmp_path: Path, name: str) -> None:
    home = profiles(tmp_path, "", "[default]\ncredential_process = /bin/keys\n")
    with pytest.raises(BucketUnusable):
        find_keys(BUCKET, {**home, "AWS_PROFILE": name})


def test_a_file_without_profiles_is_named_and_not_quoted(tmp_path: Path) -> None:
    """It may be the secret alone that somebody has written there."""
    home = profiles(tmp_path, "wJalrXUtnFEMI\n")
    with pytest.raises(BucketUnusable, match="credentials is no file of profiles") as raised:
        find_keys(BUCKET, home)

    assert "wJalrXUtnFEMI" not in "".join(traceback.format_exception(raised.value))


def test_a_role_is_asked_for_its_keys(role: dict[str, str]) -> None:
    found = fetch_role_keys("us-east-1", role)
    assert found.keys == AccessKeys(ACCESS_KEY, SECRET_KEY, "t")
    assert 3500 < found.ends_at - time.time() < 3700


def test_a_role_that_answers_nonsense_is_none(roles: Roles, role: dict[str, str]) -> None:
    roles.keys = {}
    with pytest.raises(OSError, match="answered something else"):
        fetch_role_keys("us-east-1", role)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"[]", id="list"),
        pytest.param(b"[" * 60_000, id="deep"),
        pytest.param(b'{"AccessKeyId": 1, "SecretAccessKey": 2}', id="numbers"),
        pytest.param(b'{"AccessKeyId": "a", "SecretAccessKey": "b", "Expiration": 5}', id="time"),
        pytest.param(b'{"AccessKeyId": "a", "SecretAccessKey": "b", "Token": [1]}', id="token"),
        pytest.param(
            b'{"AccessKeyId": "a", "SecretAccessKey": "b", "Expiration": "soon"}', id="date"
        ),
        pytest.param(b"\xff", id="bytes"),
    ],
)
def test_an_answer_of_another_shape_has_no_keys(
    answer: bytes, roles: Roles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_Handler, "do_GET", lambda handler: handler._answer(answer))
    (tmp_path / "token").write_text("let-me-in")
    environ = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{roles.url}/container",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(tmp_path / "token"),
    }
    with pytest.raises(OSError, match="answered something else"):
        fetch_role_keys("us-east-1", environ)


@pytest.mark.e2e
@pytest.mark.usefixtures("clean")
async def test_requests_are_signed_with_the_keys_of_a_role(
    s3: S3, roles: Roles, role: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of obstore, addresses for clients, and those that are made beside it."""
    roles.token = ""  # of a session, of which the server here has none
    for name, value in role.items():
        monkeypatch.setenv(name, value)
    store = ObjectStore(replace(s3.bucket, access_key="", secret_key=""))
    await store.put("a", b"some bytes")
    assert ACCESS_KEY in await address_of(store, "a")
    assert await unfinished(store, time.time()) == []
    await store.put("b", bytes(2 * PIPED))
    async with aclosing(store.piped("b", 0, 2 * PIPED)) as piped:
        assert len(await anext(piped)) > 0
    assert roles.asked


@pytest.mark.e2e
@pytest.mark.usefixtures("clean")
async def test_a_role_that_is_not_to_be_had_is_unavailable(
    s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("lading.blobs.s3.attempts.PATIENCE", 0.5)
    store = ObjectStore(replace(s3.bucket, access_key="", secret_key=""))
    with pytest.raises(Unavailable):
        await store.put("a", b"some bytes")
    with pytest.raises(Unavailable):
        await store.sign("a", 60)
    with pytest.raises(Unavailable):
        await unfinished(store, time.time())


class Recording(ThreadingHTTPServer):
    """A store that takes everything, and keeps by which keys each kind of request was signed."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Recorder)
        self.signed: dict[str, tuple[str, str]] = {}
        self.told: dict[str, tuple[str, str]] = {}


class _Recorder(QuietHandler):
    server: Recording

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer("put", b"")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        deleted = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in "ab")
        self._answer("delete", f"<DeleteResult>{deleted}</DeleteResult>".encode())

    def do_DELETE(self) -> None:
        self._answer("abort", b"")

    def do_GET(self) -> None:
        if "uploads" in self.path:
            self._answer("unfinished", b"<ListMultipartUploadsResult/>")
        elif "list-type" in self.path:
            self._answer("list", b"<ListBucketResult><KeyCount>0</KeyCount></ListBucketResult>")
        else:
            self._answer("get", b"x")

    def _answer(self, kind: str, body: bytes) -> None:
        _, _, words = self.headers["Authorization"].partition("Credential=")
        token = self.headers["x-amz-security-token"]
        self.server.signed[kind] = (words.split("/")[0], token)
        self.server.told[kind] = (self.headers["User-Agent"], self.headers["Accept-Encoding"])
        assert "x-amz-security-token" in words
        modified_at = "Sun, 29 Nov 2026 00:00:00 GMT"
        self.send_whole(body, {"ETag": '"e"', "Last-Modified": modified_at})


@pytest.fixture
def recording() -> Iterator[Recording]:
    with served(Recording()) as server:
        yield server


@pytest.mark.usefixtures("clean")
async def test_all_requests_have_the_token_of_the_session_and_are_renewed_together(
    roles: Roles, role: dict[str, str], recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of obstore, those that are made beside it, and addresses for clients."""
    for name, value in role.items():
        monkeypatch.setenv(name, value)
    endpoint = f"http://127.0.0.1:{recording.server_port}"
    store = ObjectStore(S3Bucket("images", endpoint=endpoint, path_style=True))
    soon = in_seconds(200)
    for id_, token in (("FIRST", "token-1"), ("SECOND", "token-2")):
        roles.keys = {"AccessKeyId": id_, "SecretAccessKey": "s", "Expiration": soon}
        roles.token = token
        recording.signed.clear()
        await asyncio.sleep(0.2)  # obstore asks ten times a second at most
        await store.put("a", b"x")
        assert await store.content("a") == b"x"
        assert [page async for page in store.pages()] == []
        await store.delete(["a", "b"])
        await unfinished(store, time.time())
        await store.abort(StoredObject("a", None, 0.0, "id"))
        address = await address_of(store, "a")

        assert recording.signed == dict.fromkeys(KINDS, (id_, token))
        assert f"X-Amz-Credential={id_}%2F" in address
        assert f"X-Amz-Security-Token={token}" in address
    # Some that stand before servers refuse whoever does not say what program it is, or compress.
    said = (f"lading/{__version__}", "identity")
    assert roles.told == {said}
    assert {recording.told[kind] for kind in ("delete", "unfinished", "abort")} == {said}


@pytest.mark.usefixtures("clean")
async def test_an_address_does_not_outlive_the_keys_of_the_role(
    roles: Roles, role: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And where they end too soon for a client to get there, the bytes are streamed."""
    for name, value in role.items():
        monkeypatch.setenv(name, value)
    bucket = S3Bucket("images", endpoint="http://127.0.0.1:9", path_style=True)
    for left, lasting in ((3600, range(599, 601)), (400, range(380, 391)), (65, None), (-5, None)):
        roles.keys["Expiration"] = in_seconds(left)
        store = ObjectStore(bucket)
        found = await store.sign("a", 600)
        again = await Chunks(store, [Segment("a", 5)]).address(600)
        assert (found is None) == (again is None) == (lasting is None)
        if found is not None and lasting is not None:
            (expires,) = parse_qs(urlsplit(found).query)["X-Amz-Expires"]
            assert int(expires) in lasting


@pytest.mark.usefixtures("clean")
async def test_an_address_is_signed_without_asking_for_keys_that_are_known(
    roles: Roles, role: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in role.items():
        monkeypatch.setenv(name, value)
    store = ObjectStore(S3Bucket("images", endpoint="http://127.0.0.1:9", path_style=True))
    await address_of(store, "a")
    roles.asked.clear()
    for _ in range(5):
        await address_of(store, "a")
    assert roles.asked == []


KINDS = ("put", "get", "list", "delete", "unfinished", "abort")


def test_who_gives_no_other_keys_is_not_asked_by_each_request(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As long as those that are known are good, nobody waits for it."""
    known, later = (
        PassingKeys(AccessKeys(name, "secret"), time.time() + seconds)
        for name, seconds in (("known", 60), ("later", 3600))
    )
    answers: list[PassingKeys | OSError] = [known, OSError("away"), later]
    monkeypatch.setattr(role_keys, "fetch_role_keys", lambda *_: _next_of(answers))
    keys = role_keys.RoleKeys("region", {})
    assert [keys.get() for _ in range(4)] == [known] * 4
    assert len(answers) == 1
    assert "away" in caplog.text
    monkeypatch.setattr(role_keys, "AGAIN", 0.0)
    assert [keys.get() for _ in range(4)] == [later] * 4


def _next_of(answers: list[PassingKeys | OSError]) -> PassingKeys:
    answer = answers.pop(0)
    if isinstance(answer, OSError):
        raise answer
    return answer


def test_keys_are_used_until_they_end_if_nobody_gives_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ends_at = time.time() + 60
    answers = [PassingKeys(AccessKeys("id", "secret"), ends_at)]

    def fetch(*_: object) -> PassingKeys:
        if answers:
            return answers.pop()
        raise OSError("nobody is there")

    monkeypatch.setattr(role_keys, "fetch_role_keys", fetch)
    keys = role_keys.RoleKeys("region", {})
    assert keys.get() == keys.get()
    monkeypatch.setattr(time, "time", lambda: ends_at)
    with pytest.raises(OSError, match="nobody"):
        keys.get()


def test_secrets_are_not_shown() -> None:
    """Wherever a bucket or keys are printed."""
    keys = AccessKeys("id", "one secret", "another secret")
    bucket = S3Bucket("images", secret_key="one secret")
    assert "secret'" not in f"{keys!r} {bucket!r}"
