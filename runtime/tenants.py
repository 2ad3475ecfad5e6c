"""What a tenant may be called, said once: the name is a part of secrets' names, of S3 keys and of log lines.

None of the characters means anything in any of them, so that no name can lead into another tenant's place.
"""

import re

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def is_tenant(name: str) -> bool:
    """Whether a tenant may be called so."""
    return _NAME.fullmatch(name) is not None
