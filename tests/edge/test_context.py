"""The context of a request."""

from lading.api.context import Context, Options
from lading.core.access import EVERY_ACCESS
from lading.core.history import Change
from tests.edge.requests import request
from tests.support.people import People


async def test_a_change_is_its_callers_now(people: People) -> None:
    """With what leads from it to the request, in whichever log."""
    asked = request("DELETE", "/v2/hello/manifests/v1")
    asked.address, asked.id = "192.0.2.7", "5f0c"
    context = Context(asked, people.registry, Options(), EVERY_ACCESS, people.may(), "v1", None)
    assert context.change() == Change("alice", people.now, "192.0.2.7", "5f0c")
