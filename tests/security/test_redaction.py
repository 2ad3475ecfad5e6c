"""One function takes secrets and phone numbers out of a text, however a library has written them."""

import json
import math
import timeit

import pytest

from runtime.redaction import TAKEN_OUT, _KnownSecrets, conceal, redacted

SECRET = "Zq7-plaNted s3cret/+"


@pytest.fixture
def known() -> _KnownSecrets:
    return _KnownSecrets()


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("GET https://x.blob.core.windows.net/c/f.csv?sv=2019&sp=rwd&sig=AbC%2Bd%3D failed", "AbC%2Bd"),
        ("no https://host/f.csv?se=2019-11-05&sig=AbC'", "2019-11-05"),
        ("url='/c/f.csv?sv=2019&sig=AbC%2Bd' (relative)", "AbC"),
        ("https://bucket.s3.amazonaws.com/k?X-Amz-Credential=AKIA1/x&X-Amz-Signature=0a1b2c", "0a1b2c"),
        ("X-Amz-Security-Token in ?a=1&X-Amz-Security-Token=IQoJb3Jp", "IQoJb3Jp"),
        ("headers {'Authorization': 'Bearer abc.def-ghi_jkl'}", "abc.def-ghi_jkl"),
        ("headers {'authorization': 'Basic dXNlcjpwYXNz'}", "dXNlcjpwYXNz"),
        ("b'Basic dXNlcjpwYXNzd29yZA=='", "dXNlcjpwYXNzd29yZA"),
        ("token eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl was refused", "c2lnbmF0dXJl"),
        ("connect to https://user:pa55w0rd@host/path", "pa55w0rd"),
        ("no row for 447700900001 today", "447700900001"),
        ("msisdn=+447700900001,", "447700900001"),
        ("['447700900001', '447700900002']", "447700900002"),
        ("no row for 44 7700 900001 today", "900001"),
        ("call +44 (0)7700 900001", "900001"),
        ("call 07700-900001.", "900001"),
        ("call 447700\u00a0900001, or 4477\u2011009\u201100001", "00001"),
        ("2019-11-05 12:15 44 7700 900001", "900001"),
    ],
)
def test_what_looks_like_a_secret_is_taken_out(text: str, hidden: str) -> None:
    assert hidden not in redacted(text)


def test_a_secret_that_was_read_is_taken_out_in_every_spelling() -> None:
    conceal(SECRET)
    for text in (f"password {SECRET}!", "https://h/?p=Zq7-plaNted%20s3cret%2F%2B", f"({SECRET},{SECRET})"):
        shown = redacted(text)
        assert "plaNted" not in shown
        assert TAKEN_OUT in shown


@pytest.mark.parametrize("secret", ['pla"Nted\\s3cret', "plaNtéd-s3cret", "plaNted\ns3cret"])
def test_a_secret_that_json_or_python_spells_otherwise_is_taken_out(secret: str) -> None:
    conceal(secret)
    for text in (secret, json.dumps({"password": secret}), json.dumps(secret, ensure_ascii=False), repr(secret)):
        assert "s3cret" not in redacted(text)


def test_a_line_takes_no_longer_with_thousands_of_secrets(known: _KnownSecrets) -> None:
    text = "asking the vendor for 2019-11-05 again: S3 could not serve: GenericError, and so on " * 2

    def quickest() -> float:
        known.taken_out(text)
        return min(timeit.repeat(lambda: known.taken_out(text), number=50, repeat=7))

    known.add(SECRET, math.inf)
    with_one = quickest()
    for number in range(5000):
        known.add(f"token-{number:08}-{number * 7919:012}", math.inf)
    assert quickest() < 4 * with_one
    assert known.taken_out("<token-00004999-000039587081>") == f"<{TAKEN_OUT}>"


def test_a_secret_that_is_worth_nothing_any_more_is_forgotten(known: _KnownSecrets) -> None:
    known.add("for ever", math.inf)
    for number in range(1000):
        known.add(f"dead-{number}", -1.0)
    assert len(known._until) < 200
    assert known.taken_out("for ever") == TAKEN_OUT


def test_a_secret_that_is_read_again_lives_as_long_as_its_longest_life(known: _KnownSecrets) -> None:
    known.add("password", math.inf)
    known.add("password", -1.0)
    known._drop_worthless()
    assert known.taken_out("password") == TAKEN_OUT


def test_of_two_secrets_the_longer_one_is_taken_out_whole() -> None:
    conceal("begins")
    conceal("begins-and-goes-on")
    assert redacted("<begins-and-goes-on>") == f"<{TAKEN_OUT}>"


@pytest.mark.parametrize(
    "text",
    [
        "the secret tally/default/rde does not exist or is empty",
        "first takes 1 to 10000",
        "asking the upstream for 2019-11-05 again: S3 could not serve: GenericError",
        "answers/tenant=default/reports/2019-11-01_2019-11-22_any/20191122T101500.000000Z.json.gz",
        "internal error; the log has it under request JKJaXmPLvHcESHA=",
        "from is after to",
        "a day: 2019-11-05 12:15:18, and another: 2019-11-06 09",
        "from 2019-11-05 to 2019-12-05, 31 days",
        "credit 1234567890123456789 of 20191105T121518.123456Z",
        "accept application/graphql-response+json or application/json",
    ],
)
def test_what_an_operator_needs_stays(text: str) -> None:
    assert redacted(text) == text
