"""The tests time nothing; they check that the contenders can be compared, and a goal's verdict."""

import subprocess
import sys

import pytest

from benchmarks.results.tables import Goal, Section, Timings, page
from deploy.artifact import ROOT


@pytest.mark.slow
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


def test_a_second_limit_that_is_easier_than_the_first_is_refused() -> None:
    with pytest.raises(ValueError, match="easier"):
        Goal("rate", "x", 9, must=25, then=17, at_most=False)
    with pytest.raises(ValueError, match="easier"):
        Goal("cold", "", 0.5, must=0.3, then=0.45)


def test_one_slow_round_does_not_move_a_figure() -> None:
    timings = Timings()
    for textbook, ours in ((10, 1), (10, 2), (90, 2), (11, 50), (12, 2)):
        timings.add("textbook", textbook)
        timings.add("Tally", ours)
    assert timings.median("Tally") == 2
    assert timings.ratio("Tally") == 2 / 11


def test_a_contender_that_was_not_measured_is_named_at_the_top_and_in_its_section() -> None:
    section = Section("Servers", "Requests a second.", ("server", "rate"), [("Tally", "9")], missing=["Mercurius"])
    written = page([section], ["a machine"], [("Python", "3.13")], "How.")
    assert written.index("**Not measured in this run: Mercurius.**") < written.index("## Against the goals")
    assert "Not installed, so not measured: Mercurius." in written
    assert "| Tally | 9 |" in written
