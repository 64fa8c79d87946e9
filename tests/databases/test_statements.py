"""Statements in the words of PostgreSQL."""

import pytest

from lading.databases.postgresql.statements import merge, translate


@pytest.mark.parametrize(
    ("statement", "text", "names"),
    [
        ("SELECT 1", "SELECT 1", []),
        ("SELECT ? + ?", "SELECT $1 + $2", []),
        ("SELECT :a, :b, :a", "SELECT $1, $2, $1", ["a", "b"]),
        ("SELECT ':a ?' || ? -- :b ?", "SELECT ':a ?' || $1 -- :b ?", []),
        ("SELECT CAST(:a AS text)::int % 5", "SELECT CAST($1 AS text)::int % 5", ["a"]),
        ("SELECT x /*! FOR UPDATE */ -- ?", "SELECT x  FOR UPDATE  -- ?", []),
        ("SELECT 1 /*! AND y = :y */", "SELECT 1  AND y = $1 ", ["y"]),
        (
            "SELECT key FROM json_each(:keys)",
            "SELECT key FROM json_each_text(CAST($1 AS json))",
            ["keys"],
        ),
    ],
)
def test_a_statement_is_said_in_other_words(statement: str, text: str, names: list[str]) -> None:
    translated = translate(statement)
    assert translated.text.decode() == text
    assert translated.names == names


def test_values_go_where_their_marks_are() -> None:
    assert translate("SELECT :b, :a, :b").values({"a": 1, "b": 2}) == [2, 1]
    assert translate("SELECT ?, ?").values([3, 4]) == [3, 4]


def test_several_statements_are_one_that_returns_what_they_return() -> None:
    merged = merge((("kept", "DELETE FROM a"), ("linked", "INSERT INTO b RETURNING id")))
    assert merged.returning == ["linked"]
    assert merged.text == (
        "WITH kept AS (DELETE FROM a), linked (value) AS (INSERT INTO b RETURNING id)"
        " SELECT (SELECT array_agg(value) FROM linked)"
    )
    assert merge((("kept", "DELETE FROM a"),)).text == "WITH kept AS (DELETE FROM a) SELECT "


def test_one_of_several_may_only_look() -> None:
    merged = merge((("found", "SELECT 1 FROM a"), ("kept", "DELETE FROM b")))
    assert merged.returning == ["found"]
    assert merged.text == (
        "WITH found (value) AS (SELECT 1 FROM a), kept AS (DELETE FROM b)"
        " SELECT (SELECT array_agg(value) FROM found)"
    )
