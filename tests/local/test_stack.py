"""What `make run` embeds can be set by the environment."""

import pytest

from local.stack import embedded


def test_a_shape_that_the_simulator_does_not_know_is_refused_with_those_that_it_knows() -> None:
    environ = {"OPENMARKET_SHAPE": "spreadsheets"}
    with pytest.raises(ValueError, match="spreadsheet, titled"), embedded(environ):
        pass
    assert environ == {"OPENMARKET_SHAPE": "spreadsheets"}


def test_an_installation_that_the_simulator_does_not_know_is_refused_with_those_that_it_knows() -> None:
    with pytest.raises(ValueError, match="described, older"), embedded({"RDE_INSTALLATION": "newest"}):
        pass


@pytest.mark.parametrize("name", ["OPENMARKET_CREDITS", "RDE_MAKING", "VENDOR_DAYS"])
def test_what_is_not_a_number_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} takes a number"), embedded({name: "many"}):
        pass
