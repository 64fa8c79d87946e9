"""A disk may fail at any effect. Nothing is said to be done that is not; nothing stays for ever.

Each effect of what clients do, and of a switch, fails once, as by an error of input or output; the
next one would be made. Then it was refused, or is done all the same; all that clients see is whole;
to do it again succeeds; and the collector leaves nothing of what was left over.
"""

import pytest

from tests.crash import dying, failing
from tests.crash.verbs import VERBS, Verb

OF_CLIENTS = [
    verb
    for verb in VERBS
    if verb.name.startswith(("Push", "Mount", "Cancel", "Ask", "Delete", "Restore", "Be read-only"))
]


@pytest.mark.parametrize("verb", OF_CLIENTS, ids=lambda verb: verb.name)
def test_a_disk_that_fails_once_loses_nothing_and_leaves_nothing(verb: Verb) -> None:
    outcomes = failing.outcomes(verb)
    assert set(outcomes) == set(dying.trace(verb).effects)
    assert set(outcomes.values()) <= {failing.DONE, "Unavailable", "UploadUnknown"}
