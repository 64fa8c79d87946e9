"""Whatever is asked, the answer is one of this API's: no failure, no hang, no other words."""

import urllib.parse
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.pushes import OCI_INDEX, OCI_MANIFEST, digest_of
from tests.support.victims import LAYER, STAGED, Victim, running_victim

TEXTS = st.text(max_size=8)
PATHS = st.sampled_from(
    (
        *("/{name}/manifests/{last}", "/{name}/blobs/{last}", "/{name}/blobs/uploads/{last}"),
        *("/{name}/blobs/uploads/", "/{name}/tags/list", "/{name}/referrers/{last}"),
        *("/_catalog", "/", "/{name}/{last}"),
    )
)
DIGESTS = (digest_of(LAYER), digest_of(STAGED), digest_of(LAYER, "sha512"), digest_of(b"{}"))
WORDS = ("app", "other", "latest", "UPLOAD", "0", "1", "-1", "sha512", "..", *DIGESTS)
VALUES = st.one_of(st.sampled_from(WORDS), st.sampled_from(DIGESTS), TEXTS)
PARAMETERS = ("digest", "mount", "from", "tag", "n", "last", "artifactType", "digest-algorithm")
HEADERS = st.dictionaries(
    st.sampled_from(
        (
            *("content-range", "range", "if-range", "if-none-match", "content-type", "accept"),
            *("x-forwarded-for", "authorization", "x-sendfile-type", "cookie", "origin"),
        )
    ),
    st.one_of(
        st.sampled_from(["bytes=0-3", "0-3", "10-16", "*", OCI_MANIFEST, OCI_INDEX, "Bearer x"]),
        # What a value may hold on the wire (RFC 9110, 5.5).
        st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f")),
    ),
    max_size=3,
)
BODIES = st.one_of(
    st.sampled_from([b"", b"{}", LAYER, b'{"schemaVersion": 2, "manifests": []}']),
    st.binary(max_size=20),
    st.lists(st.binary(min_size=1, max_size=9), max_size=3),
)


@pytest.fixture(scope="module")
def anything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    """A registry that may be changed in any way."""
    with running_victim(tmp_path_factory.mktemp("anything")) as victim:
        yield victim


@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "MKCOL"]),
    path=PATHS,
    name=st.one_of(st.just("app"), st.sampled_from(WORDS), TEXTS),
    last=VALUES,
    query=st.lists(st.tuples(st.sampled_from(PARAMETERS), VALUES), max_size=3),
    headers=HEADERS,
    body=BODIES,
)
@settings(max_examples=200)
def test_any_request(
    anything: Victim,
    method: str,
    path: str,
    name: str,
    last: str,
    query: list[tuple[str, str]],
    headers: dict[str, str],
    body: bytes | list[bytes],
) -> None:
    path = path.format(name=urllib.parse.quote(name), last=urllib.parse.quote(last))
    target = f"/v2{path}?{urllib.parse.urlencode(query)}"
    upload = anything.path("{upload}").rpartition("/")[2]

    with anything.client.connection() as connection:
        connection.request(method, target.replace("UPLOAD", upload), body, **headers)
        answer = connection.receive(head=method == "HEAD")
        connection.request("GET", "/v2/")
        assert connection.receive().json == {}

    assert answer.status < 500
    assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
    if answer.status >= 400 and method != "HEAD":
        assert answer.codes
        anything.assert_tells_nothing(answer)
