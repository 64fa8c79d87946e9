"""Logins that were right lately, in memory that all workers see."""

import multiprocessing

from hypothesis import given
from hypothesis import strategies as st

from lading.auth.login_record import _SETS, _WAYS, KnownLogins


def test_what_one_process_remembers_all_know() -> None:
    """Made before they are."""
    known = KnownLogins()
    login = known.fingerprint("192.0.2.1", "alice", "secret")
    process = multiprocessing.get_context("fork").Process(
        target=known.remember, args=(login,), kwargs={"now": 1.0, "until": 10.0}
    )
    process.start()
    process.join()
    assert known.is_known(login, 9.0)
    assert not known.is_known(login, 10.0)


def test_it_is_renewed_and_not_kept_twice() -> None:
    """The later end counts."""
    known = KnownLogins()
    login = known.fingerprint("a")
    for until in (5.0, 9.0):
        known.remember(login, now=1.0, until=until)
    assert known.is_known(login, 8.0)
    assert bytes(known._memory).count(login) == 1


def test_the_memory_is_bounded_and_what_ends_first_goes_first() -> None:
    """However many there are."""
    known = KnownLogins()
    crowd = [known.fingerprint(str(number)) for number in range(_WAYS * _SETS * 2)]
    for login in crowd:
        known.remember(login, now=0.0, until=1.0)
    friend = known.fingerprint("friend")
    known.remember(friend, now=0.5, until=2.0)
    assert sum(known.is_known(login, 0.5) for login in crowd) > _WAYS * _SETS // 2
    assert known.is_known(friend, 0.5)
    for login in crowd:
        known.remember(login, now=0.6, until=1.5)
    assert known.is_known(friend, 1.9)


@given(st.lists(st.text()), st.lists(st.text()))
def test_other_words_are_another_login(some: list[str], others: list[str]) -> None:
    """However they are cut into words; and nothing can be told without the key."""
    known = KnownLogins()
    assert (known.fingerprint(*some) == known.fingerprint(*others)) == (some == others)
    assert known.fingerprint(*some) != KnownLogins().fingerprint(*some)
