"""What a tenant may be called: nothing that means something in an S3 key, in a secret's name or in a log line."""

import pytest

from runtime.tenants import is_tenant


@pytest.mark.parametrize("name", ["default", "a", "A-z_09", "-", "x" * 64])
def test_letters_digits_and_two_marks_are_a_name(name: str) -> None:
    assert is_tenant(name)


@pytest.mark.parametrize("name", ["", "x" * 65, "a/b", "..", "a b", "acme\n", "a=b", "a*", "\u0661", "\u00e9", "a\0"])
def test_everything_else_is_none(name: str) -> None:
    assert not is_tenant(name)
