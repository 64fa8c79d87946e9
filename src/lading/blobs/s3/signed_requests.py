"""Signed requests: those that obstore does not make.

A replica that is killed while it puts a large object leaves parts behind that no list of objects
shows. And of many objects that are to be deleted, obstore does not say which of them stay. Both are
asked for seldom, so the requests are made by the client of other registries, in a thread. Those of
`pipes` are signed here as well.
Sources: ListMultipartUploads and AbortMultipartUpload (https://docs.aws.amazon.com/AmazonS3/latest/API).
"""

import asyncio
import hashlib
import os
import ssl
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree as ET

from lading.blobs.s3 import deletions
from lading.blobs.s3.access_keys import AccessKeys
from lading.blobs.s3.attempts import ATTEMPT, RefusedRequest, is_denied
from lading.blobs.s3.bucket import S3Bucket
from lading.blobs.s3.deletions import RefusedObject
from lading.blobs.s3.role_keys import RoleKeys
from lading.blobs.s3.signatures import ALGORITHM, SigningScope, canonical, sign
from lading.ports.objects import StoredObject
from lading.system.proxies import proxy_for

_NAMESPACE = "{*}"
# Bytes of an answer: a thousand uploads take a third of it.
_MOST = 4 * 1024 * 1024


class UnfinishedPage(NamedTuple):
    """A page of the list of unfinished parts, and what to ask for the next one with, if any."""

    parts: Sequence[StoredObject]
    following: Mapping[str, str]


class SignedRequests:
    """Makes signed requests to the server of a bucket.

    Args:
        keys: to sign them with, or the role that has to be asked for some.
    """

    def __init__(self, bucket: S3Bucket, keys: AccessKeys | RoleKeys) -> None:
        self._bucket = bucket
        self._proxy = proxy_for(bucket.own_address, os.environ)
        self._keys = keys
        url = urlsplit(bucket.own_address)
        self._host = url.netloc
        self._origin = f"{url.scheme}://{url.netloc}"
        self._path = f"{url.path}/{bucket.name}" if bucket.path_style else url.path
        self._context = _context(bucket) if url.scheme == "https" else None

    async def list_unfinished(self, following: Mapping[str, str]) -> UnfinishedPage:
        """A page of the unfinished parts below the folder of the bucket.

        Args:
            following: what the page before says; nothing for the first one.

        Raises:
            RefusedRequest, OSError: it cannot be had.
        """
        query = {"prefix": self._bucket.folder, "uploads": "", **following}
        try:
            return _page(await asyncio.to_thread(self._ask, "GET", "", query), following)
        except (ET.ParseError, ValueError, OverflowError) as error:
            raise ConnectionError(
                f"the list of unfinished parts cannot be read: {error}"
            ) from error

    async def abort(self, unfinished: StoredObject) -> None:
        """Give up the parts of one object; errors are those of `list_unfinished`."""
        await asyncio.to_thread(self._ask, "DELETE", unfinished.key, {"uploadId": unfinished.id})

    async def delete(self, keys: Sequence[str]) -> Sequence[RefusedObject]:
        """Delete objects; returns those that stay. Errors are those of `list_unfinished`."""
        document = deletions.document_of(keys)
        try:
            answer = await asyncio.to_thread(self._ask, "POST", "", {"delete": ""}, document)
        except RefusedRequest as error:
            if not is_denied(error):
                raise
            return [RefusedObject(key, str(error)) for key in keys]
        return deletions.refusals_in(answer)

    async def denied(self) -> Sequence[str]:
        """The rights that the store denies, as policies call them, of those that upkeep takes.

        Each is tried on what is not there. What fails otherwise says nothing of a right.
        """
        nothing = f"{self._bucket.folder}objects/no-such-object"
        listed = {"prefix": self._bucket.folder}
        tries: Mapping[str, tuple[str, str, Mapping[str, str]]] = {
            "s3:DeleteObject": ("DELETE", nothing, {}),
            "s3:ListBucket": ("GET", "", {**listed, "list-type": "2", "max-keys": "1"}),
            "s3:ListBucketMultipartUploads": ("GET", "", {**listed, "uploads": ""}),
            "s3:AbortMultipartUpload": ("DELETE", nothing, {"uploadId": "no-such-upload"}),
        }
        found = await asyncio.gather(
            *(asyncio.to_thread(self._ask, *each) for each in tries.values()),
            return_exceptions=True,
        )
        return [
            right
            for right, said in zip(tries, found, strict=True)
            if isinstance(said, RefusedRequest) and is_denied(said)
        ]

    async def sign_get(self, key: str) -> tuple[str, dict[str, str]]:
        """The target and headers of a request for an object; an `OSError` without keys."""
        path = f"{self._path}/{key}"
        keys = self._keys
        if not isinstance(keys, AccessKeys):
            keys = (await asyncio.to_thread(keys.get)).keys
        return quote(path), self._sign(keys, "GET", path, {})

    def _ask(self, method: str, key: str, query: Mapping[str, str], document: bytes = b"") -> bytes:
        """The body of an answer; blocks."""
        from lading.client.answers import read_some  # noqa: PLC0415
        from lading.client.kept_connections import asked_once  # noqa: PLC0415 - it is asked seldom
        from lading.client.sending import COMMON_HEADERS  # noqa: PLC0415

        keys = self._keys if isinstance(self._keys, AccessKeys) else self._keys.get().keys
        path = f"{self._path}/{key}" if key else self._path or "/"
        url = f"{self._origin}{quote(path)}?{canonical(query)}"
        headers = self._sign(keys, method, path, query, document)
        headers["Host"] = headers.pop("host")  # as the client calls it
        headers |= COMMON_HEADERS
        if document:
            headers |= deletions.headers_of(document)
        with asked_once(
            method,
            url,
            headers,
            document or None,
            seconds=ATTEMPT,
            proxy=self._proxy,
            context=self._context,
        ) as answer:
            body, _ = read_some(answer, _MOST, ATTEMPT)
        if answer.status >= 300:
            raise RefusedRequest(answer.status, body)
        return body

    def _sign(
        self,
        keys: AccessKeys,
        method: str,
        path: str,
        query: Mapping[str, str],
        document: bytes = b"",
    ) -> dict[str, str]:
        """The headers by which a request is signed."""
        scope = SigningScope.of(self._bucket.region)
        hashed = hashlib.sha256(document).hexdigest()
        headers = {"host": self._host, "x-amz-content-sha256": hashed, "x-amz-date": scope.at}
        if keys.token:
            headers["x-amz-security-token"] = keys.token
        names = ";".join(headers)  # which are in their order
        lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
        request = "\n".join((method, quote(path), canonical(query), lines, names, hashed))
        headers["authorization"] = (
            f"{ALGORITHM} Credential={keys.id}/{scope.text},"
            f" SignedHeaders={names}, Signature={sign(keys.secret, scope, request)}"
        )
        return headers


def _page(body: bytes, asked_with: Mapping[str, str]) -> UnfinishedPage:
    answer = ET.fromstring(body)  # noqa: S314 - our own store's
    parts = [_unfinished(upload) for upload in answer.iterfind(f"{_NAMESPACE}Upload")]
    if _text(answer, "IsTruncated") != "true":
        return UnfinishedPage(parts, {})
    following = {
        "key-marker": _text(answer, "NextKeyMarker"),
        "upload-id-marker": _text(answer, "NextUploadIdMarker"),
    }
    if following == asked_with or not any(following.values()):
        raise ValueError("a page is followed by itself")
    return UnfinishedPage(parts, following)


def _unfinished(upload: ET.Element) -> StoredObject:
    begun = datetime.fromisoformat(_text(upload, "Initiated"))
    return StoredObject(_text(upload, "Key"), None, begun.timestamp(), _text(upload, "UploadId"))


def _text(element: ET.Element, name: str) -> str:
    return element.findtext(f"{_NAMESPACE}{name}") or ""


def _context(bucket: S3Bucket) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if bucket.authorities:
        context.load_verify_locations(cadata=bucket.authorities.decode())
    if not bucket.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
