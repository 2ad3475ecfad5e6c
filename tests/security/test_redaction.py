"""One function takes out of a text what nobody should read, whatever a library has made of it."""

import json

import pytest

from runtime.redaction import TAKEN_OUT, conceal, redacted

SECRET = "Zq7-plaNted s3cret/+"


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
        "accept application/graphql-response+json or application/json",
    ],
)
def test_what_an_operator_needs_stays(text: str) -> None:
    assert redacted(text) == text
