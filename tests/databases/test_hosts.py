"""Hosts of a server of PostgreSQL, in the order in which they are asked."""

from lading.databases.postgresql.server import Hosts, count


def test_the_one_that_answered_last_is_asked_first_and_the_others_in_their_order() -> None:
    hosts = Hosts()
    given = {"host": "a,b,c", "port": "1,2,3", "user": "lading"}
    assert hosts.ordered(given) == given
    hosts.answered("b", 2)
    assert hosts.ordered(given) == {"host": "b,a,c", "port": "2,1,3", "user": "lading"}
    hosts.answered("a", 1)
    assert hosts.ordered(given) == given


def test_a_port_that_counts_for_all_stays_one() -> None:
    hosts = Hosts()
    hosts.answered("b", 6432)
    assert hosts.ordered({"host": "a,b", "port": "6432"}) == {"host": "b,a", "port": "6432"}
    hosts.answered("b", 5432)
    assert hosts.ordered({"host": "a,b"}) == {"host": "b,a"}


def test_hosts_may_be_told_apart_by_their_ports_or_named_by_addresses_alone() -> None:
    hosts = Hosts()
    hosts.answered("127.0.0.1", 2)
    given = {"host": "127.0.0.1,127.0.0.1", "port": "1,2"}
    assert hosts.ordered(given)["port"] == "2,1"
    assert hosts.ordered({"hostaddr": "10.0.0.1,127.0.0.1", "port": "2"}) == {
        "hostaddr": "127.0.0.1,10.0.0.1",
        "port": "2",
    }


def test_what_names_no_host_that_is_known_is_left_as_it_is() -> None:
    hosts = Hosts()
    hosts.answered("gone", 5432)
    assert hosts.ordered({"host": "a,b"}) == {"host": "a,b"}
    assert hosts.ordered({"dbname": "lading"}) == {"dbname": "lading"}
    assert count({}) == 1
    assert count({"hostaddr": "::1,::2"}) == 2
