import pytest

from upstreams.transport import trusted


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def _warm() -> None:
    """Load httpx and the TLS roots before any test whose deadline they would use up."""
    trusted()
