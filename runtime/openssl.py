"""Leaves OpenSSL out of a process until a vendor is called: 4.7 MB that an answer from S3 does not need.

asyncio and hashlib use OpenSSL where they can import it and do without it where they cannot; they get the second here.
They are equal for us: TLS with a vendor is anyio's, which imports `ssl` when httpx is imported, TLS with S3 is
obstore's own, and Python has SHA-2 and BLAKE2 itself.
"""

import sys

OF_OPENSSL = ("ssl", "_hashlib")


def leave_out() -> None:
    """Import asyncio and hashlib without OpenSSL, unless the process has it already; later imports find it again."""
    hidden = [name for name in OF_OPENSSL if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type] # an import of such a name fails
    try:
        import asyncio  # noqa: F401
        import hashlib  # noqa: F401
    finally:
        for name in hidden:
            del sys.modules[name]
