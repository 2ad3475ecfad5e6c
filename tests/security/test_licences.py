"""What is deployed is listed with its licence, and under none that would bind whoever deploys it."""

import pytest

from deploy.licences import PAGE, packages, page

PERMISSIVE = ("MIT", "BSD", "Apache", "ISC", "PSF", "MPL", "Python Software Foundation")


def test_the_list_is_that_of_the_lock() -> None:
    assert PAGE.read_text() == page(), "run `make licences`"


@pytest.mark.parametrize("name", [name for name, _ in packages()])
def test_a_deployed_package_s_licence_is_known_and_permissive(name: str) -> None:
    row = next(line for line in page().splitlines() if line.startswith(f"| {name} |"))
    assert any(licence in row for licence in PERMISSIVE), row
