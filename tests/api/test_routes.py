"""The table of endpoints: what each row is audited as, and that nobody forgot one."""

from collections.abc import Sequence

import pytest

from lading.api.routes import ROUTES
from lading.edge.endpoints import When
from tests.edge.requests import request

# Names that operators look for in their audit logs, with when they find them there.
AUDITED: Sequence[tuple[str, str, str, When]] = (
    ("alive", "GET", "alive", When.REFUSED),
    ("alive", "HEAD", "alive", When.REFUSED),
    ("catalog", "GET", "catalog.list", When.READ),
    ("catalog", "HEAD", "catalog.list", When.READ),
    ("end-1", "GET", "api.check", When.REFUSED),
    ("end-1", "HEAD", "api.check", When.REFUSED),
    ("end-2", "GET", "blob.pull", When.READ),
    ("end-2", "HEAD", "blob.find", When.REFUSED),
    ("end-3", "GET", "manifest.pull", When.READ),
    ("end-3", "HEAD", "manifest.find", When.REFUSED),
    ("end-4", "POST", "upload.start", When.CREATED),
    ("end-5", "PATCH", "upload.write", When.REFUSED),
    ("end-6", "PUT", "blob.push", When.ALWAYS),
    ("end-7", "PUT", "manifest.push", When.ALWAYS),
    ("end-8", "GET", "tags.list", When.READ),
    ("end-8", "HEAD", "tags.list", When.READ),
    ("end-9", "DELETE", "manifest.delete", When.ALWAYS),
    ("end-10", "DELETE", "blob.delete", When.ALWAYS),
    ("end-12", "GET", "referrers.list", When.READ),
    ("end-12", "HEAD", "referrers.list", When.READ),
    ("end-13", "GET", "upload.find", When.REFUSED),
    ("end-13", "HEAD", "upload.find", When.REFUSED),
    ("end-14", "DELETE", "upload.cancel", When.ALWAYS),
    ("token", "GET", "token.issue", When.ALWAYS),
    ("token", "HEAD", "token.issue", When.ALWAYS),
    ("token", "POST", "token.issue", When.ALWAYS),
)

ROWS = [(method, endpoint) for route in ROUTES for method, endpoint in route.endpoints.items()]


def test_what_each_row_is_audited_as() -> None:
    """A name that changed would be missed by whoever searches for it."""
    rows = [(row.id, method, row.audited.name, row.audited.when) for method, row in ROWS]
    assert sorted(rows, key=str) == sorted(AUDITED, key=str)


def test_what_changes_something_writes() -> None:
    """But for tokens, which a registry that is read-only gives out, too."""
    writing = {(row.id, method) for method, row in ROWS if row.writes}
    changing = {(row.id, method) for method, row in ROWS if method not in {"GET", "HEAD"}}
    assert writing == changing - {("token", "POST")}


def test_what_brings_bytes_of_blobs() -> None:
    assert {row.id for _, row in ROWS if row.takes_bytes} == {"end-4", "end-5", "end-6"}


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("", "upload.start"),
        ("?digest=", "upload.start"),
        ("?mount=b&from=a", "blob.mount"),
        ("?digest=b", "blob.push"),
        ("?mount=b&digest=b", "blob.push"),
    ],
)
def test_a_post_is_named_by_what_it_asks_for(query: str, name: str) -> None:
    (row,) = (row for _, row in ROWS if row.id == "end-4")
    assert row.audited.name_of(request("POST", f"/v2/a/blobs/uploads/{query}")) == name
