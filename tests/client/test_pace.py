"""Requests to one host become fewer at a time after 429, and slowly more again."""

import threading
import time

from lading.client.sending import HostPace


def test_refusals_of_one_moment_halve_it_once() -> None:
    pace = HostPace(8)
    begun = [pace.begin() for _ in range(4)]
    for moment in begun:
        pace.slow_down(moment, 0)
        pace.end()

    assert pace.at_once == 4
    time.sleep(0.01)
    pace.slow_down(pace.begin(), 0)
    assert pace.at_once == 2


def test_one_goes_at_least() -> None:
    pace = HostPace(2)
    for _ in range(5):
        pace.slow_down(pace.begin(), 0)
        pace.end()
        time.sleep(0.002)

    assert pace.at_once == 1


def test_it_becomes_as_it_was_when_nothing_is_refused() -> None:
    pace = HostPace(4)
    pace.slow_down(pace.begin(), 0)
    pace.end()
    for _ in range(200):
        pace.begin()
        pace.praise()
        pace.end()

    assert pace.at_once == 4


def test_nobody_goes_while_the_host_asks_to_wait() -> None:
    pace = HostPace(4)
    begun = time.monotonic()
    pace.slow_down(pace.begin(), 0.3)
    pace.end()
    gone: list[float] = []
    threads = [threading.Thread(target=lambda: gone.append(pace.begin())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(moment - begun >= 0.25 for moment in gone)


def test_no_more_than_may_are_under_way() -> None:
    pace = HostPace(1)
    pace.begin()
    second = threading.Thread(target=pace.begin)
    second.start()
    second.join(0.1)
    assert second.is_alive()
    pace.end()
    second.join(30)
    assert not second.is_alive()


def test_nothing_waits_for_what_is_over() -> None:
    paused, full = HostPace(2), HostPace(1)
    paused.slow_down(paused.begin(), 60)
    full.begin()
    waiting = [threading.Thread(target=pace.begin, daemon=True) for pace in (paused, full)]
    for thread in waiting:
        thread.start()

    for pace in (paused, full):
        pace.close()

    for thread in waiting:
        thread.join(30)
        assert not thread.is_alive()


def test_what_is_a_part_of_a_request_waits_for_no_other() -> None:
    """As a blob that is read from the host to which it is sent, when only one may be under way."""
    pace = HostPace(1)
    pace.begin()
    pace.begin()
    pace.end()
    ended = threading.Event()

    def ask() -> None:
        pace.begin()
        ended.set()
        pace.end()

    other = threading.Thread(target=ask)
    other.start()
    assert not ended.wait(0.1)
    pace.end()
    assert ended.wait(10)
    other.join()
