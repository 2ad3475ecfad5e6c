"""`make run` as a newcomer meets it: the real gateway, handler, ledger and simulators under a real browser.

With `EXPLORER_PICTURE=docs/explorer.png` in the environment the README's picture is taken again.
"""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.support.explorer.visit import Visit


@contextmanager
def running_stack() -> Iterator[str]:
    """Start `python -m local` on a free port, with none of our own settings in its environment; give its URL."""
    environment = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
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


def test_a_newcomer_opens_the_explorer_presses_play_and_sees_rows(visit: Callable[[str], Visit]) -> None:
    with running_stack() as url:
        opened = visit(url)
        opened.play()
        answer = json.loads(opened.answer())
        assert "errors" not in answer
        data = answer["data"]
        assert len(data["creditLog"]["nodes"]) == 20
        assert data["creditLog"]["totalCount"] >= 7 * 2000
        assert data["creditOutcome"]["rows"]
        assert data["reports"]["nodes"]
        if picture := os.environ.get("EXPLORER_PICTURE"):
            opened.page.mouse.move(640, 790)  # off the button: no tooltip in the picture
            opened.page.screenshot(path=picture, animations="disabled")
