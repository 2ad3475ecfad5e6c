"""Signing in: a browser, an OpenID Connect provider, and the local stack, which verifies the provider's tokens."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser

from deploy.processes import free_port
from tests.support.explorer.sign_in import TOKEN_SECONDS, provider, stack
from tests.support.explorer.visit import Visit
from tests.support.overview.sheet import Sheet

Open = Callable[[str], Visit]
pytestmark = pytest.mark.slow

QUERY = """query LastSevenDays {
  reports(from: "2019-11-05", to: "2019-12-03") { totalCount }
  creditLog(from: "2019-11-05T00:00:00Z", to: "2019-11-06T00:00:00Z") { totalCount }
}"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The URLs of the stack's explorer and of the provider."""
    folder, port = tmp_path_factory.mktemp("sign-in"), free_port()
    url = f"http://127.0.0.1:{port}/"
    with provider(url, folder / "provider.log") as issuer, stack(port, issuer, folder):
        yield url, issuer


@pytest.fixture
def open_explorer(visit: Open, site: tuple[str, str]) -> Callable[[], Visit]:
    """Open the explorer in a browser without a session at the provider."""
    url, issuer = site

    def _open() -> Visit:
        opened = visit(url)
        opened.trust(issuer)
        return opened

    return _open


def sign_in(opened: Visit, name: str) -> None:
    opened.page.get_by_role("button", name="Sign in").click()
    opened.page.fill('input[name="name"]', name)
    opened.page.get_by_role("button", name="Continue").click()
    opened.wait_until_ready()


def status(opened: Visit, text: str) -> str:
    """The account's status line, once it contains the text."""
    line = opened.page.locator(".account-status").filter(has_text=text)
    line.wait_for()
    return line.inner_text()


def run_query(opened: Visit) -> tuple[dict[str, Any], str]:
    """The answer to the query, and the Authorization header that it was asked with."""
    opened.type("Query Editor", QUERY)
    with opened.page.expect_request(lambda request: "totalCount" in (request.post_data or "")) as sent:
        opened.play()
    answer = sent.value.response()
    assert answer is not None
    body: dict[str, Any] = answer.json()
    return body, sent.value.headers["authorization"]


def test_a_user_signs_in_queries_and_sees_who_they_are(
    open_explorer: Callable[[], Visit], site: tuple[str, str]
) -> None:
    opened = open_explorer()
    assert status(opened, "Not signed in")
    sign_in(opened, "alice")
    assert status(opened, "alice") == "Signed in as User alice · reports:read credits:read"
    assert opened.page.url == site[0]  # the code is gone from the address
    answer, authorization = run_query(opened)
    assert answer["data"]["reports"]["totalCount"] == 7
    assert answer["data"]["creditLog"]["totalCount"] >= 0
    token = authorization.removeprefix("Bearer ")
    assert len(token.split(".")) == 3
    stored = opened.stored()
    assert token not in stored
    assert "access_token" not in stored
    assert "code_verifier" not in stored


def test_nothing_is_asked_before_the_sign_in(open_explorer: Callable[[], Visit]) -> None:
    opened = open_explorer()
    requests: list[str] = []
    opened.page.on("request", lambda request: requests.append(request.url))
    opened.play()
    assert "sign in at the top" in opened.answer()
    assert requests == []


def test_the_session_is_renewed_without_the_user_and_without_reading_the_schema_again(
    open_explorer: Callable[[], Visit],
) -> None:
    opened = open_explorer()
    sign_in(opened, "alice")
    status(opened, "alice")
    _, first = run_query(opened)
    introspections: list[str] = []
    opened.page.on("request", lambda request: introspections.append(request.post_data or ""))
    with opened.page.expect_response("**/token", timeout=20_000) as renewed:
        pass
    assert renewed.value.status == 200
    assert "grant_type=refresh_token" in (renewed.value.request.post_data or "")
    answer, second = run_query(opened)
    assert "errors" not in answer
    assert second != first
    assert status(opened, "alice") == "Signed in as User alice · reports:read credits:read"
    assert not [body for body in introspections if "IntrospectionQuery" in body]


def test_after_a_sleep_longer_than_the_token_one_renewal_serves_several_requests(
    chromium: Browser, site: tuple[str, str]
) -> None:
    context = chromium.new_context()  # the clock is a profile's
    opened = Visit(context.new_page()).open(site[0])
    opened.page.clock.install()
    sign_in(opened, "alice")
    status(opened, "alice")
    renewals: list[str] = []
    opened.page.on("request", lambda request: renewals.append(request.url) if "/token" in request.url else None)
    opened.page.clock.set_fixed_time(datetime.now(UTC) + timedelta(seconds=2 * TOKEN_SECONDS))  # no timer has run
    tokens = opened.page.evaluate("Promise.all([account.authorization(), account.authorization()])")
    assert len(set(tokens)) == 1
    assert tokens[0].startswith("Bearer ")
    assert len(renewals) == 1
    assert status(opened, "alice").startswith("Signed in as User alice")
    assert opened.complaints == []
    context.close()


def test_signing_out_ends_the_session_here_and_at_the_provider(
    open_explorer: Callable[[], Visit], site: tuple[str, str]
) -> None:
    opened = open_explorer()
    sign_in(opened, "alice")
    status(opened, "alice")
    opened.page.wait_for_load_state("networkidle")  # leaving would abort the reading of the schema
    with opened.page.expect_response("**/token/revocation") as revoked:
        opened.page.get_by_role("button", name="Sign out").click()
    assert revoked.value.status == 200
    opened.page.get_by_role("button", name="Sign out here").click()
    opened.wait_until_ready()
    assert status(opened, "Not signed in")
    opened.play()
    assert "sign in at the top" in opened.answer()
    opened.page.get_by_role("button", name="Sign in").click()
    opened.page.wait_for_selector('input[name="name"]')  # the provider asks again
    opened.open(site[0])  # the next test finds nothing of this one there
    # The library leaves the empty body of the revocation's answer unread, so leaving the page aborts it.
    opened.complaints = [line for line in opened.complaints if not line.endswith("/token/revocation")]


def test_a_scope_that_the_user_lacks_is_named_and_forbidden_on_its_field_only(
    open_explorer: Callable[[], Visit],
) -> None:
    opened = open_explorer()
    sign_in(opened, "limited")
    assert status(opened, "limited") == "Signed in as User limited · reports:read · not granted: credits:read"
    answer, _ = run_query(opened)
    assert answer["data"] == {"reports": {"totalCount": 7}, "creditLog": None}
    assert [(error["path"], error["extensions"]["code"]) for error in answer["errors"]] == [
        (["creditLog"], "FORBIDDEN")
    ]


def test_scopes_in_every_claim_that_the_api_reads_are_shown(open_explorer: Callable[[], Visit]) -> None:
    opened = open_explorer()
    sign_in(opened, "permitted")
    assert status(opened, "permitted") == "Signed in as User permitted · reports:read credits:read"
    answer, _ = run_query(opened)
    assert "errors" not in answer


def test_a_refusal_of_the_provider_is_shown(open_explorer: Callable[[], Visit], site: tuple[str, str]) -> None:
    opened = open_explorer()
    sign_in(opened, "refused")
    assert status(opened, "Could not") == "Could not sign in: credits:read is not for this user"
    assert opened.page.url == site[0]
    assert opened.page.get_by_role("button", name="Sign in").is_visible()


def test_the_overview_signs_in_likewise_and_comes_back_to_its_view(chromium: Browser, site: tuple[str, str]) -> None:
    url, issuer = site
    context = chromium.new_context()
    sheet = Sheet(context.new_page())
    sheet.page.goto(f"{url}overview?period=last-month&zone=UTC&compare=none")
    sheet.trust(url)
    sheet.trust(issuer)
    card = sheet.page.locator(".signed-out-card")
    card.get_by_role("button", name="Sign in").click()
    sheet.page.fill('input[name="name"]', "limited")
    sheet.page.get_by_role("button", name="Continue").click()
    sheet.page.locator("#tiles .state-scope").wait_for()
    assert sheet.address() == {"period": "last-month", "zone": "UTC", "compare": "none"}
    assert "Your sign-in does not include credits:read." in sheet.text("tiles")
    assert sheet.page.locator("#reports").get_by_text("Your sign-in").count() == 0
    assert status(sheet, "limited").startswith("Signed in as User limited")
    sheet.page.locator("#account").get_by_role("button", name="Sign out").click()
    sheet.page.get_by_role("button", name="Sign out here").click()
    card.wait_for()
    assert sheet.hosts <= sheet.trusted
    context.close()
