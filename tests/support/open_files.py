"""The files without a name that this process has open: bodies of answers, and rows that are put into order."""

from pathlib import Path


def open_files() -> int:
    """How many there are."""
    links = (link for link in Path("/proc/self/fd").iterdir() if link.is_symlink())
    return sum("(deleted)" in str(link.readlink()) for link in links)
