"""The fenced blocks of a page that are meant to be run."""

import re
from pathlib import Path
from typing import NamedTuple


class CodeBlock(NamedTuple):
    """A fenced block: its file, its text, and what the page says it prints (None: nothing)."""

    name: str
    text: str
    prints: str | None


def blocks(page: Path) -> list[CodeBlock]:
    """Every block with a file name behind its language; a `text` block below it is what it prints."""
    fences = re.findall(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    found: list[CodeBlock] = []
    for language, name, text in fences:
        if name:
            found.append(CodeBlock(name, text, None))
        else:
            assert language == "text", f"a block of {language} without a file name is not run by any test"
            found[-1] = found[-1]._replace(prints=text)
    return found
