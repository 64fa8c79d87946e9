"""Notes of pulls: what is remembered of each until it is written down."""

from lading.core.figures import LastPull
from lading.services.figures import PullNotes
from tests.support.contents import HELLO
from tests.support.people import People


async def test_who_pulls_by_a_tag_pulls_the_manifest_as_well(people: People) -> None:
    """Who only asks for the digest of a tag does not; and of two pulls the last one counts."""
    digest = (await people.push_image(b"image", "v1", "v2")).digest
    notes = PullNotes(people.metadata.pulls)
    notes.note(HELLO, "v1", digest, 3.0, "alice")
    notes.note(HELLO, "v2", "", 4.0, "bob")
    await notes.write_down()
    found = await people.metadata.pulls.last(HELLO, ["v1", "v2", digest])
    first = LastPull(3.0, "alice")
    assert found == {"v1": first, "v2": LastPull(4.0, "bob"), digest: first}

    notes.note(HELLO, digest, digest, 6.0, "carol")
    notes.note(HELLO, "v1", digest, 5.0, "alice")
    await notes.write_down()
    found = await people.metadata.pulls.last(HELLO, ["v1", digest])
    assert found == {"v1": LastPull(5.0, "alice"), digest: LastPull(6.0, "carol")}
