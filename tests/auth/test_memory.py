"""Logins that are remembered: for minutes, while they are as they were, and by hashes alone."""

import math
import time

from lading.auth.authenticator import Login
from lading.auth.memory import MOST, REMEMBERED, LoginMemory
from lading.core.access import Principal
from tests.auth.forge import Clock


class Place:
    """Where alice's login comes from; counts how often it is asked."""

    def __init__(self) -> None:
        self.login: Login | None = Login(Principal("alice"), "1")
        self.asked = 0
        self.clock = Clock()
        self.memory: LoginMemory[str] = LoginMemory(self.recall, self.clock, self.clock)
        self.key = self.memory.key_of("alice", "secret")

    async def recall(self, name: str) -> Login | None:
        self.asked += 1
        return self.login if name == "alice" else None

    def remember(self, until: float = math.inf) -> None:
        self.memory.remember(self.key, "value", self.login, until)


async def test_what_a_login_led_to_is_remembered_for_minutes() -> None:
    """And not beyond the end of the login."""
    place = Place()
    for ends_after, seconds in ((math.inf, REMEMBERED), (10, 10)):
        place.remember(place.clock.now + ends_after)
        place.clock.now += seconds - 1
        assert place.memory.find(place.key) is None, "its place has to be asked"
        assert await place.memory.recall(place.key) == "value"
        place.clock.now += 1
        assert place.memory.find(place.key) is None
        assert await place.memory.recall(place.key) is None


async def test_a_login_that_is_another_by_now_is_not_known() -> None:
    """At once, though no time has passed."""
    place = Place()
    for login in (None, Login(Principal("alice"), "2")):
        place.login = Login(Principal("alice"), "1")
        place.remember()
        assert await place.memory.recall(place.key) == "value"
        place.login = login
        assert await place.memory.recall(place.key) is None


async def test_a_login_that_can_tell_by_itself_is_not_asked_for() -> None:
    """Its place need not be found, and nothing waits."""
    place = Place()
    stands = True
    place.login = Login(Principal("alice"), "1", stands=lambda: stands)
    place.remember()
    assert place.memory.find(place.key) == "value"
    stands = False
    assert place.memory.find(place.key) is None
    assert place.asked == 0


async def test_one_look_counts_for_all_that_had_arrived() -> None:
    """And for nothing that comes later."""
    place = Place()
    place.remember()
    arrived = time.monotonic()
    assert place.memory.find(place.key, arrived) is None
    assert await place.memory.recall(place.key) == "value"
    assert place.memory.find(place.key, arrived) == "value"
    assert place.memory.find(place.key, time.monotonic()) is None


def test_it_is_bounded() -> None:
    """However many there are; those that were used stay."""
    place = Place()
    place.login = Login(Principal("alice"), "1", stands=lambda: True)
    place.remember()
    for number in range(MOST + 10):
        place.memory.remember(place.memory.key_of("bob", str(number)), "other", None)
        assert place.memory.find(place.key) == "value"
    assert len(place.memory._entries) == MOST


def test_words_that_are_cut_otherwise_are_another_login() -> None:
    """And no other process makes the same of them."""
    memory = Place().memory
    words = [("a", "bc"), ("ab", "c"), ("", "abc"), ("abc", ""), ("1 a", "bc"), ("\ud800", "")]
    keys = {memory.key_of(*each) for each in words}
    assert len(keys) == len(words)
    assert keys.isdisjoint(Place().memory.key_of(*each) for each in words)
