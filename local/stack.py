"""The function's surroundings: embedded AWS and vendors, or the real ones when the environment names a bucket.

Either way the same handler runs, configured by environment variables only.
"""

import os
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager

from local.aws import Aws
from local.csv_shapes import SHAPES, CsvShape
from local.openmarket import OpenMarketSimulator
from local.rde import RdeSimulator

BUCKET = "tally-ledger"


def is_real(environ: Mapping[str, str]) -> bool:
    """Whether the environment names a real ledger."""
    return bool(environ.get("LEDGER_BUCKET"))


@contextmanager
def embedded(environ: MutableMapping[str, str] = os.environ, tenant: str = "default") -> Iterator[None]:
    """Run AWS and both vendors in this process and point `environ` at them; `tenant` gets its secrets.

    Raises:
        ValueError: `OPENMARKET_SHAPE` names a shape that the simulator does not know.
    """
    shape = _shape(environ)
    with Aws() as aws, RdeSimulator() as rde, OpenMarketSimulator() as openmarket:
        openmarket.shape = shape
        prefix = environ.get("SECRET_PREFIX") or "tally"
        aws.create_bucket(BUCKET)
        for name in dict.fromkeys(("default", tenant)):
            aws.put_secret(f"{prefix}/{name}/rde", rde.secret)
            aws.put_secret(f"{prefix}/{name}/openmarket", openmarket.secret)
        for profile in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
            environ.pop(profile, None)
        environ.update(aws.environ)
        environ["LEDGER_BUCKET"] = BUCKET
        environ["RDE_BASE_URL"] = rde.base_url
        environ["OPENMARKET_BASE_URL"] = openmarket.base_url
        environ["REPORT_HOSTS"] = "127.0.0.1"  # the links of the vendor's document are on other hosts
        yield


def _shape(environ: Mapping[str, str]) -> CsvShape:
    name = environ.get("OPENMARKET_SHAPE") or "documented"
    if name not in SHAPES:
        raise ValueError(f"OPENMARKET_SHAPE takes one of {', '.join(SHAPES)}")
    return SHAPES[name]
