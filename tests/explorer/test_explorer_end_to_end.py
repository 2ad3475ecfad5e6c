"""`make run` as a newcomer meets it: the real gateway, handler, ledger and simulators under a real browser.

With `EXPLORER_PICTURE=docs/explorer.png` and `OVERVIEW_PICTURE=docs/overview.png` in the environment the pictures of
the README are taken again.
"""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser

from tests.support.explorer.visit import Visit
from tests.support.overview.sheet import Sheet

CREDITS_A_DAY = 200
PICTURES = os.environ.keys() & {"EXPLORER_PICTURE", "OVERVIEW_PICTURE"}


@contextmanager
def running_stack() -> Iterator[str]:
    """Start `python -m local` on a free port, with none of our own settings in its environment; give its URL.

    Its account is a tenth of the usual one, except for the pictures.
    """
    environment = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    if not PICTURES:
        environment |= {"OPENMARKET_CREDITS": str(CREDITS_A_DAY), "VENDOR_DAYS": "35"}
    with subprocess.Popen(
        [sys.executable, "-m", "local", "--port", "0"], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            greeting = process.stdout.readline()
            url = re.search(r"http://\S+", greeting)
            assert url is not None, f"the stack did not say where it is: {greeting!r}"
            yield url[0]
        finally:
            process.send_signal(signal.SIGINT)


@pytest.mark.slow
def test_a_newcomer_opens_the_explorer_presses_play_and_sees_rows_and_then_the_overview(
    visit: Callable[[str], Visit], chromium: Browser
) -> None:
    with running_stack() as url:
        opened = visit(url)
        opened.play()
        answer = json.loads(opened.answer())
        assert "errors" not in answer
        data = answer["data"]
        assert len(data["creditLog"]["nodes"]) == 20
        assert data["creditLog"]["totalCount"] >= 7 * CREDITS_A_DAY
        assert data["creditOutcome"]["rows"]
        assert data["reports"]["nodes"]
        if picture := os.environ.get("EXPLORER_PICTURE"):
            opened.page.mouse.move(640, 790)  # off the button: no tooltip in the picture
            opened.page.screenshot(path=picture, animations="disabled")
        read_overview(chromium, f"{url}/overview?period=last-30-days&zone=UTC&currency=GBP")


def read_overview(chromium: Browser, address: str) -> None:
    """The page whose address `make run` prints first has figures, in a profile without any of ours."""
    with chromium.new_context(viewport={"width": 1440, "height": 1150}) as context:
        context.set_default_timeout(60_000)
        sheet = Sheet(context.new_page())
        sheet.open(address)
        assert int(sheet.tile("Credits")["value"].replace(",", "")) > 30 * CREDITS_A_DAY / 2
        assert sheet.complained() == []
        assert sheet.hosts <= sheet.trusted
        if picture := os.environ.get("OVERVIEW_PICTURE"):
            sheet.page.screenshot(path=picture, animations="disabled")
