import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Route

from tests.support.explorer.site import CREDIT, OUTCOME, REPORT, serving
from tests.support.explorer.visit import Visit
from web.sign_in import SignIn

Open = Callable[[str], Visit]
pytestmark = pytest.mark.slow

TOKEN = "planted.token.value"


def test_the_page_works_under_a_stage_of_the_gateway(visit: Open) -> None:
    with serving("/dev", TOKEN) as site:
        opened = visit(f"{site.origin}/dev")
        opened.play()
        opened.answer()
        assert opened.page.title() == "Tally"
        assert {asked.path for asked in site.asked} == {"/dev/graphql"}


def test_every_panel_and_dialog_opens(visit: Open) -> None:
    with serving(token=TOKEN) as site:
        opened = visit(site.origin)
        opened.page.click('[aria-label="Show Documentation Explorer"]')
        opened.page.get_by_text("Root Types").wait_for()
        opened.page.click('[aria-label="Show History"]')
        opened.page.wait_for_selector('section[aria-label="History"]')
        opened.page.click('[aria-label="Show GraphiQL Explorer"]')
        opened.page.locator(".docExplorerWrap").get_by_text("creditOutcome").first.wait_for()
        for dialog in ("settings", "short keys"):
            opened.page.click(f'[aria-label="Open {dialog} dialog"]')
            opened.page.wait_for_selector('[role="dialog"]')
            opened.page.keyboard.press("Escape")
            opened.page.wait_for_selector('[role="dialog"]', state="detached")


def test_play_runs_the_first_query_and_shows_its_rows(visit: Open) -> None:
    with serving(token=TOKEN) as site:
        opened = visit(site.origin)
        opened.play()
        data = json.loads(opened.answer())["data"]
        assert data["creditLog"]["nodes"] == [CREDIT]
        assert data["creditOutcome"]["rows"] == [OUTCOME]
        assert data["reports"]["nodes"] == [REPORT]
        (run,) = site.runs()
        assert run.headers["authorization"] == f"Bearer {TOKEN}"
        assert run.headers["accept"] == "application/graphql-response+json, application/json"
        assert run.headers["content-type"] == "application/json"


def test_the_first_query_is_for_the_last_seven_days_and_today_up_to_the_next_full_hour(visit: Open) -> None:
    with serving(token=TOKEN) as site:
        opened = visit(site.origin)
        opened.play()
        opened.answer()
        variables = site.runs()[0].body["variables"]
    end = datetime.fromisoformat(variables["to"])
    start = datetime.fromisoformat(variables["from"])
    now = end - timedelta(hours=1)  # or up to an hour later
    assert (end.minute, end.second) == (0, 0)
    assert timedelta(minutes=-1) < datetime.now(UTC) - now < timedelta(minutes=61)
    assert start == now.replace(hour=0) - timedelta(days=7)
    assert (variables["firstDay"], variables["lastDay"]) == (start.date().isoformat(), now.date().isoformat())


def test_a_token_is_never_stored(visit: Open) -> None:
    with serving(token=TOKEN) as site:
        opened = visit(site.origin)
        opened.play()
        opened.answer()
        opened.page.click('[aria-label="Show History"]')
        opened.page.click('[aria-label="Add favorite"]')
        stored = opened.stored()
        assert all(f"graphiql:{name}" in stored for name in ("queries", "favorites", "tabState"))
        assert TOKEN not in stored


def test_a_query_out_of_the_history_is_run_with_the_page_s_own_token(visit: Open) -> None:
    with serving(token=TOKEN) as site:
        opened = visit(site.origin)
        opened.play()
        opened.answer()
        opened.reload()
        opened.page.click('[aria-label="Show History"]')
        opened.page.click('[aria-label="Set active"]')
        opened.play()
        opened.answer()
        assert [run.headers["authorization"] for run in site.runs()] == [f"Bearer {TOKEN}"] * 2


def test_a_reload_keeps_the_work_and_opens_no_second_tab(visit: Open) -> None:
    with serving(token=TOKEN) as site:
        opened = visit(site.origin)
        opened.type("Query Editor", "{ __typename }")
        assert "__typename" in opened.stored()
        opened.reload()
        assert opened.text("Query Editor") == "{ __typename }"
        assert opened.page.locator(".graphiql-tab").count() == 0  # tabs show from the second on


def test_without_a_token_the_page_says_where_to_put_one_and_asks_nothing(visit: Open) -> None:
    with serving() as site:
        opened = visit(site.origin)
        assert json.loads(opened.text("Headers")) == {"Authorization": "Bearer <token>"}
        opened.play()
        assert "put one under Headers" in opened.answer()
        assert site.asked == []


def test_a_pasted_token_brings_the_schema_with_it(visit: Open) -> None:
    with serving() as site:
        opened = visit(site.origin)
        opened.type("Headers", json.dumps({"authorization": f"Bearer {TOKEN}"}))
        opened.page.click('[aria-label="Show Documentation Explorer"]')
        opened.page.get_by_text("Root Types").wait_for()
        assert {asked.headers["authorization"] for asked in site.introspections()} == {f"Bearer {TOKEN}"}
        assert TOKEN not in opened.stored()


def test_on_a_phone_the_panes_are_below_each_other_and_as_wide_as_the_screen(visit: Open) -> None:
    with serving(token=TOKEN) as site:
        opened = visit(site.origin)
        opened.page.set_viewport_size({"width": 390, "height": 844})
        opened.play()
        opened.answer()
        query, answer = (box(opened.page.locator(pane)) for pane in (".graphiql-query-editor", ".result-window"))
        assert answer["y"] >= query["y"] + query["height"]
        assert min(query["width"], answer["width"]) > 340
        assert min(query["height"], answer["height"]) > 250
        opened.page.click('[aria-label="Show Documentation Explorer"]')
        docs = box(opened.page.locator(".graphiql-plugin"))
        assert docs["width"] > 340
        assert docs["height"] > 400
        assert box(opened.page.locator(".graphiql-query-editor"))["y"] >= docs["y"] + docs["height"]
        assert opened.page.evaluate("document.documentElement.scrollWidth") == 390


def box(locator: Locator) -> dict[str, float]:
    found = locator.bounding_box()
    assert found is not None
    return {"x": found["x"], "y": found["y"], "width": found["width"], "height": found["height"]}


def test_a_token_endpoint_on_another_host_that_is_not_configured_is_named(visit: Open) -> None:
    metadata = {
        "issuer": "https://login.example.com",
        "authorization_endpoint": "https://login.example.com/authorize",
        "token_endpoint": "https://tokens.example.com/token",
    }

    def provider(route: Route) -> None:
        asked = urlsplit(route.request.url)
        if asked.path == "/authorize":
            state = parse_qs(asked.query)["state"][0]
            route.fulfill(status=302, headers={"location": f"{site.origin}/?code=c&state={state}"})
        else:
            route.fulfill(json=metadata, headers={"access-control-allow-origin": "*"})

    with serving(sign_in=SignIn("https://login.example.com", "tally")) as site:
        opened = visit(site.origin)
        opened.trust("https://login.example.com")
        opened.page.route("https://login.example.com/**", provider)
        opened.page.get_by_role("button", name="Sign in").click()
        status = opened.page.locator(".account-status").filter(has_text="may not reach")
        status.wait_for()
        assert (
            status.inner_text()
            == "This page may not reach https://tokens.example.com: allow it by SignInOrigins (OIDC_ORIGINS)"
        )
        opened.complaints = [line for line in opened.complaints if "tokens.example.com" not in line]
        opened.trust("https://tokens.example.com")  # the browser counts the blocked request as well
