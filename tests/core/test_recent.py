"""Things that were used lately: the least recently used go first."""

from collections import OrderedDict

from hypothesis import given
from hypothesis import strategies as st

from lading.core.recent import Recent


def test_what_was_used_stays() -> None:
    """Looking at a thing is using it, and so is putting it in once more."""
    recent: Recent[str, int] = Recent(3)
    for key in "abc":
        recent.put(key, 1)
    assert recent.get("a") == 1
    recent.put("b", 2)
    recent.put("d", 1)
    assert [recent.get(key) for key in "abcd"] == [1, 2, None, 1]


def test_what_is_larger_than_all_there_is_stays_alone() -> None:
    """Until the next one comes."""
    recent: Recent[str, bytes] = Recent(10, len)
    recent.put("a", b"a")
    recent.put("large", bytes(11))
    assert (recent.get("a"), len(recent)) == (None, 1)
    recent.put("b", b"b")
    assert (recent.get("large"), len(recent)) == (None, 1)


@given(st.lists(st.tuples(st.sampled_from(["get", "put", "pop"]), st.integers(0, 5), st.binary())))
def test_it_is_what_a_simple_model_is(steps: list[tuple[str, int, bytes]]) -> None:
    """Of bytes that things take together."""
    recent: Recent[int, bytes] = Recent(20, len)
    model: OrderedDict[int, bytes] = OrderedDict()
    for action, key, data in steps:
        if action == "put":
            recent.put(key, data)
            model.pop(key, None)
            model[key] = data
            while sum(map(len, model.values())) > 20 and len(model) > 1:
                model.popitem(last=False)
        elif action == "pop":
            assert recent.pop(key) == model.pop(key, None)
        else:
            assert recent.get(key) == model.get(key)
            if key in model:
                model.move_to_end(key)
        assert len(recent) == len(model)
