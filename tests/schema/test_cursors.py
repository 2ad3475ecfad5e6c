"""Cursors are opaque, and good for the list they were made for only."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.errors import BadUserInput
from schema.resolvers.relay import cursors

LOG = ("creditLog", "acme", "", "all", "")


@given(st.lists(st.text() | st.text("\x1b\x1fEU"), min_size=1, max_size=3).map(tuple))
def test_a_cursor_gives_back_the_place_it_was_made_of(place: tuple[str, ...]) -> None:
    assert tuple(cursors.decode(LOG, cursors.encode(LOG, place))) == place


def test_a_cursor_means_the_same_in_every_version_from_this_one_on() -> None:
    kept_by_a_frontend = "GGDRAmJPmkanWyIyMDE5LTExLTA1VDEyOjAwOjAwWiIsIjEiXQ"
    assert cursors.decode(LOG, kept_by_a_frontend) == ["2019-11-05T12:00:00Z", "1"]


@pytest.mark.parametrize(
    "elsewhere",
    [
        ("reports", "acme", "", "all", ""),
        ("creditLog", "globex", "", "all", ""),
        ("creditLog", "acme", "MyBrand", "one", ""),
        ("creditLog", "acme", "", "all", "['SUCCESS']"),
        ("creditLog", "acme"),
    ],
)
def test_a_cursor_of_another_list_is_refused(elsewhere: tuple[str, ...]) -> None:
    with pytest.raises(BadUserInput):
        cursors.decode(LOG, cursors.encode(elsewhere, ("2019-11-05T12:00:00Z", "1")))


@given(st.text(max_size=100) | st.binary(max_size=100).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_garbage_is_refused_and_nothing_worse(garbage: str) -> None:
    with pytest.raises(BadUserInput):
        cursors.decode(LOG, garbage)


def test_a_changed_character_is_noticed() -> None:
    cursor = cursors.encode(LOG, ("2019-11-05T12:00:00Z", "18446744073709551615"))
    for at, character in enumerate(cursor[:-1]):
        other = "A" if character != "A" else "B"
        with pytest.raises(BadUserInput):
            cursors.decode(LOG, cursor[:at] + other + cursor[at + 1 :])


def test_a_cursor_survives_a_url() -> None:
    cursor = cursors.encode(LOG, ("2019-11-05T12:00:00Z", "ÿþý"))
    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_a_cursor_of_a_megabyte_is_refused() -> None:
    with pytest.raises(BadUserInput):
        cursors.decode(LOG, "A" * 1_000_000)
