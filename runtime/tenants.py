"""The names that a tenant may have: they become parts of the names of secrets, of S3 keys and of log lines.

No allowed character has a meaning in any of these, so that no name can lead to another tenant's data.
"""

import re

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def is_tenant(name: str) -> bool:
    """Whether a tenant may have this name."""
    return _NAME.fullmatch(name) is not None
