"""Every parser that reads what a stranger sends, each as a function of bytes that must not fail.

A target lets the errors pass that its parser announces, and nothing else: whatever it raises is a
mistake in lading. The tests run each on its seeds and on what Hypothesis finds; `make fuzz` runs
each for longer, guided by coverage.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from lading.auth.external import ExternalTokens
from lading.auth.htpasswd import parse_users
from lading.auth.keysets import FixedKeys, parse_keys
from lading.auth.public_keys import TrustedKey
from lading.auth.workloads import Issuer, WorkloadLogins
from lading.config.document import ConfigurationError
from lading.config.loading import load
from lading.config.settings import Settings
from lading.core import manifest_document
from lading.core.claims import ClaimPattern, ClaimRule, RepositoryTemplate
from lading.core.digest import SHA256
from lading.core.errors import RegistryError
from lading.core.globs import Glob
from lading.core.names import RepositoryName, UploadId, parse_reference
from lading.core.ranges import MAX_RANGES, parse_chunk, parse_ranges
from lading.core.scopes import Scope
from lading.edge.asgi import Message
from lading.edge.challenge import parse_authorization
from lading.edge.forwarded import client_address
from lading.ports.logins import AuthUnusable
from tests.fuzz.archives import ARCHIVES, archives
from tests.fuzz.bodies import PIPELINED, TRAILERS, pipelined, trailers
from tests.fuzz.connections import CONVERSATIONS, connections
from tests.fuzz.registry import HASH, api, directory, run

_DIGEST = "sha256:" + "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


@dataclass(frozen=True)
class Target:
    """A parser.

    Attributes:
        run: gives it any bytes; raises if it fails.
        seeds: bytes that it understands, to start from.
    """

    run: Callable[[bytes], None]
    seeds: Sequence[bytes]


def _text(data: bytes) -> str:
    """As headers come: every byte is a character."""
    return data.decode("latin-1")


def names(data: bytes) -> None:
    """Repositories, tags, digests, uploads."""
    for parse in (RepositoryName, parse_reference, UploadId):
        with suppress(RegistryError):
            assert str(parse(_text(data))) == _text(data)


def ranges(data: bytes) -> None:
    """`Range` and `Content-Range`."""
    with suppress(RegistryError):
        parts = parse_ranges(_text(data), 1000)
        assert len(parts) <= MAX_RANGES
        bytes_sent = [at for part in parts for at in range(part.start, part.stop)]
        assert len(bytes_sent) == len(set(bytes_sent))
        assert parts == () or set(bytes_sent) == asked_for(_text(data), 1000)
    with suppress(RegistryError):
        chunk = parse_chunk(_text(data))
        assert 0 <= chunk.start < chunk.stop


def asked_for(header: str, size: int) -> set[int]:
    """Each byte that a `Range` header asks for, found out one by one."""
    wanted: set[int] = set()
    for spec in header.strip()[len("bytes=") :].split(","):
        first, _, last = spec.strip(" \t").partition("-")
        if first:
            wanted.update(range(int(first), min(size, int(last or size) + 1)))
        elif last:
            wanted.update(range(max(0, size - int(last)), size))
    return wanted


def authorization(data: bytes) -> None:
    """`Authorization`."""
    parse_authorization(_text(data))


def scopes(data: bytes) -> None:
    """Scopes of tokens."""
    scope = Scope.parse(_text(data))
    if scope is not None:
        assert Scope.parse(str(scope)) == scope
        assert scope.known_actions is not None
        assert scope.repository is None or scope.repository == scope.name


def patterns(data: bytes) -> None:
    """Patterns of names, before the first line break, against a name, after it."""
    pattern, _, name = _text(data).partition("\n")
    for kind in (Glob, ClaimPattern, RepositoryTemplate):
        with suppress(ValueError):
            made = kind(pattern)
            if isinstance(made, Glob):
                made.matches(name)
            else:
                made.fill({"a": name})


def forwarded(data: bytes) -> None:
    """`X-Forwarded-For`, from a proxy that is trusted."""
    proxies = Settings.model_validate({"http": {"trustedproxies": ["10.0.0.0/8"]}}).http
    client_address("10.0.0.1", {"x-forwarded-for": _text(data)}, proxies.trustedproxies)


def manifests(data: bytes) -> None:
    """Manifests, under the media type before the first line break, if there is one."""
    content_type, found, body = data.partition(b"\n")
    with suppress(RegistryError):
        given = (body, _text(content_type)) if found else (data, "")
        parsed = manifest_document.parse(*given, SHA256)
        assert parsed.digest.startswith("sha256:")


def htpasswd(data: bytes) -> None:
    """Files of users."""
    with suppress(AuthUnusable):
        parse_users(data, "users")


def key_sets(data: bytes) -> None:
    """JSON Web Key Sets."""
    with suppress(AuthUnusable):
        parse_keys(data)


def tokens(data: bytes) -> None:
    """Tokens of another server, and of workloads: none of these is signed by anybody known."""
    external, workloads = _verifiers()
    assert run(external.verify(_text(data))) is None
    assert run(workloads.authenticate("", _text(data))) is None


def configuration(data: bytes) -> None:
    """Configuration files, and `REGISTRY_HTTP_HEADERS` of the same text."""
    path = directory() / "config.yml"
    path.write_bytes(data)
    with suppress(ConfigurationError):
        load(path, {})
    with suppress(ConfigurationError):
        load(None, {"REGISTRY_HTTP_HEADERS": _text(data).replace("\0", "")})


def requests(data: bytes) -> None:
    """Requests: `METHOD target`, headers, an empty line, a body. None may be answered with 500."""
    head, _, body = data.partition(b"\n\n")
    first, *lines = head.split(b"\n")
    method, _, target = first.partition(b" ")
    path, _, query = target.partition(b"?")
    headers = [
        (name.strip().lower(), value.strip())
        for name, colon, value in (line.partition(b":") for line in lines)
        if colon
    ]
    scope = {
        "type": "http",
        "http_version": "1.1",
        "scheme": "http",
        "server": ("127.0.0.1", 5000),
        "method": _text(method).upper(),
        "path": path.decode(errors="replace"),
        "query_string": query,
        "headers": headers,
        "client": ("192.0.2.1", 50000),
    }
    status, answer = run(_ask(scope, body))
    assert 200 <= status < 500 or status in {503, 507}, (status, answer)
    if status >= 400 and scope["method"] != "HEAD":
        (error, *_) = json.loads(answer)["errors"]
        assert set(error) == {"code", "message", "detail"}


async def _ask(scope: Mapping[str, Any], body: bytes) -> tuple[int, bytes]:
    """Ask a registry."""
    messages: list[Message] = [{"type": "http.request", "body": body}]
    answers: list[Message] = []

    async def receive() -> Message:
        return messages.pop() if messages else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        answers.append(message)

    await (await api())(dict(scope), receive, send)
    return answers[0]["status"], b"".join(answer["body"] for answer in answers[1:])


@cache
def _verifiers() -> tuple[ExternalTokens, WorkloadLogins]:
    key = TrustedKey(ec.generate_private_key(ec.SECP256R1()).public_key())
    keys = FixedKeys({"k": key})
    rule = ClaimRule({"sub": [ClaimPattern("**")]}, [RepositoryTemplate("{sub}/**")], frozenset())
    external = ExternalTokens(
        service="s", issuer="i", keys=[keys], roots=[], algorithms=[], clock=lambda: 1e9
    )
    return external, WorkloadLogins([Issuer("w", "i", "s", "", keys, [rule])], lambda: 1e9)


_IMAGE = (
    b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":'
    b'{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"%b","size":2},"layers":[],'
    b'"subject":{"mediaType":"a/b+json","digest":"%b","size":2},"annotations":{"a":"b"}}'
) % (_DIGEST.encode(), _DIGEST.encode())
_INDEX = b'{"schemaVersion":2,"manifests":[{"mediaType":"a/b","digest":"%b","size":2}]}' % (
    _DIGEST.encode()
)
_BASIC = b"Basic YWxpY2U6c2VjcmV0"
_JWT = b".".join(
    (
        b"eyJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ",
        b"eyJpc3MiOiJpIiwiYXVkIjoicyIsImV4cCI6OTk5OTk5OTk5OX0",
        b"AAAA",
    )
)
_FORM = b"grant_type=password&username=alice&password=secret&access_type=offline&scope=a"
_UPLOAD = b"/v2/a/b/blobs/uploads/00000000-0000-4000-8000-000000000000"

TARGETS: Mapping[str, Target] = {
    "archives": Target(archives, ARCHIVES),
    "connections": Target(connections, CONVERSATIONS),
    "pipelined": Target(pipelined, PIPELINED),
    "trailers": Target(trailers, TRAILERS),
    "names": Target(names, [b"library/hello-world", b"v1.2.3", _DIGEST.encode()]),
    "ranges": Target(
        ranges,
        [
            b"bytes=0-99",
            b"bytes=-1",
            b"bytes=5-",
            b"bytes=0-9, 5-14,,-7,500-",
            b"Bytes=8-9,0-1,0-0",
            b"0-99",
            b"bytes 0-9/*",
        ],
    ),
    "authorization": Target(authorization, [_BASIC, b"Bearer " + _JWT]),
    "scopes": Target(scopes, [b"repository:a/b:pull,push", b"registry:catalog:*"]),
    "patterns": Target(patterns, [b"team/**\nteam/a", b"v[0-9]*\nv1", b"{a}/**/x?\na/b"]),
    "forwarded": Target(forwarded, [b"192.0.2.1, 10.0.0.2", b"2001:db8::1"]),
    "manifests": Target(manifests, [_IMAGE, b"application/vnd.oci.image.index.v1+json\n" + _INDEX]),
    "htpasswd": Target(htpasswd, [f"# users\nalice:{HASH}\n\nbob:$apr1$x\n".encode()]),
    "key_sets": Target(
        key_sets,
        [b'{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":"%b"}]}' % (b"A" * 43)],
    ),
    "tokens": Target(tokens, [_JWT]),
    "configuration": Target(
        configuration,
        [
            b"version: 0.1\nhttp: {addr: ':5000', tls: {minimumtls: tls1.3}}\n",
            b"version: 0.1\nauth: {htpasswd: {path: /a}}\ntags: {immutable: [{tags: ['v*']}]}\n",
            b"{X-Content-Type-Options: [nosniff]}",
        ],
    ),
    "requests": Target(
        requests,
        [
            b"GET /v2/",
            b"GET /v2/_catalog?n=1&last=a\nauthorization: " + _BASIC,
            b"GET /token?service=s&scope=repository:a/b:pull\nauthorization: " + _BASIC,
            b"POST /token\ncontent-type: application/x-www-form-urlencoded\n\n" + _FORM,
            b"POST /v2/a/b/blobs/uploads/?digest=%b\ncontent-length: 2\n\n{}" % _DIGEST.encode(),
            b"POST /v2/a/c/blobs/uploads/?mount=%b&from=a/b" % _DIGEST.encode(),
            b"PATCH %b\ncontent-range: 0-1\ncontent-length: 2\n\n{}" % _UPLOAD,
            b"PUT %b?digest=%b\n\n{}" % (_UPLOAD, _DIGEST.encode()),
            b"PUT /v2/a/b/manifests/v1?tag=v2\nif-none-match: *\n\n" + _IMAGE,
            b"GET /v2/a/b/manifests/v1\nif-none-match: a\nrange: bytes=0-1",
            b"GET /v2/a/b/blobs/%b\nrange: bytes=0-0\nif-range: x" % _DIGEST.encode(),
            b"GET /v2/a/b/referrers/%b?artifactType=a/b" % _DIGEST.encode(),
            b"DELETE /v2/a/b/manifests/v1",
        ],
    ),
}


if __name__ == "__main__":
    print(*sorted(TARGETS))
