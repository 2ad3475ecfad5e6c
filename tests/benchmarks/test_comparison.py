"""Nothing is timed in the tests; that the contenders can be compared at all, and what a goal's verdict says, is."""

import subprocess
import sys

from benchmarks.results import Goal, Section, Timings, page
from deploy.artifact import ROOT


def test_tally_and_the_textbook_give_the_answers_that_were_put_in() -> None:
    command = [sys.executable, "-m", "benchmarks", "compare", "Tally", "textbook"]
    ran = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=110)
    assert ran.returncode == 0, ran.stderr
    assert "Tally over HTTP" in ran.stdout.splitlines()[0]


def test_a_goal_that_is_not_reached_says_so() -> None:
    assert Goal("cold", "", 0.5, must=0.45, then=0.3).cells[-1] == "**missed**"
    assert Goal("cold", "", 0.4, must=0.45, then=0.3).cells[-1] == "met"
    assert Goal("cold", "", 0.2, must=0.45, then=0.3).cells[-1] == "beyond"
    assert Goal("rate", "x", 7, must=8, at_most=False).cells[-1] == "**missed**"
    assert Goal("rate", "x", 9, must=8, at_most=False).cells[-1] == "met"


def test_one_slow_round_does_not_move_a_figure() -> None:
    timings = Timings()
    for textbook, ours in ((10, 1), (10, 2), (90, 2), (11, 50), (12, 2)):
        timings.add("textbook", textbook)
        timings.add("Tally", ours)
    assert timings.median("Tally") == 2
    assert timings.ratio("Tally") == 2 / 11


def test_whoever_is_missing_is_named_on_the_page() -> None:
    section = Section("Servers", "Requests a second.", ("server", "rate"), [("Tally", "9")], missing=["Mercurius"])
    written = page([section], ["a machine"], [("Python", "3.13")], "How.")
    assert "not measured: Mercurius." in written
    assert "| Tally | 9 |" in written
