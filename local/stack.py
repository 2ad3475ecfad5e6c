"""The function's surroundings: embedded AWS and vendors, or the real ones when the environment names a bucket.

Either way the same handler runs, configured by environment variables only.
"""

import os
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from datetime import timedelta

from local.aws import Aws
from local.vendors.csv_shapes import SHAPES, CsvShape
from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.rde import RdeSimulator

BUCKET = "tally-ledger"
CREDITS_A_DAY = 2000
DAYS = 90
"""How far back the simulated vendors have reports and credits."""
MAKING_SECONDS = 10.0
"""How long the simulated vendor makes a scheduled report."""
INSTALLATIONS = {"described": True, "older": False}
"""Of RDE: one by the vendor's description, or one by its older page, without ids, pages and unfinished reports."""


def is_real(environ: Mapping[str, str]) -> bool:
    """Whether the environment names a real ledger."""
    return bool(environ.get("LEDGER_BUCKET"))


@contextmanager
def embedded(environ: MutableMapping[str, str] = os.environ, tenant: str = "default") -> Iterator[None]:
    """Run AWS and both vendors in this process and point `environ` at them; `tenant` gets its secrets.

    `OPENMARKET_CREDITS` is how many credits the vendor has a day, `RDE_MAKING` the seconds for which it makes a
    scheduled report, `VENDOR_DAYS` how far back both vendors reach.

    Raises:
        ValueError: `OPENMARKET_SHAPE` or `RDE_INSTALLATION` names what the simulators do not know, or one of the others
            is not a number.
    """
    shape, described = _shape(environ), _described(environ)
    making = timedelta(seconds=_number(environ, "RDE_MAKING", MAKING_SECONDS))
    rows_a_day = int(_number(environ, "OPENMARKET_CREDITS", CREDITS_A_DAY))
    with Aws() as aws, RdeSimulator(making=making) as rde, OpenMarketSimulator(rows_a_day=rows_a_day) as openmarket:
        rde.days_kept = openmarket.history_days = int(_number(environ, "VENDOR_DAYS", DAYS))
        rde.described, openmarket.shape, openmarket.lively = described, shape, True
        rde.show_every_status()
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
        environ.setdefault("FRESH_SECONDS", "10")  # who schedules a report here waits for it
        environ["REPORT_HOSTS"] = "127.0.0.1"  # the links of the vendor's document are on other hosts
        yield


def _number(environ: Mapping[str, str], name: str, usual: float) -> float:
    try:
        return float(environ.get(name) or usual)
    except ValueError:
        raise ValueError(f"{name} takes a number") from None


def _shape(environ: Mapping[str, str]) -> CsvShape:
    name = environ.get("OPENMARKET_SHAPE") or "documented"
    if name not in SHAPES:
        raise ValueError(f"OPENMARKET_SHAPE takes one of {', '.join(SHAPES)}")
    return SHAPES[name]


def _described(environ: Mapping[str, str]) -> bool:
    name = environ.get("RDE_INSTALLATION") or "described"
    if name not in INSTALLATIONS:
        raise ValueError(f"RDE_INSTALLATION takes one of {', '.join(INSTALLATIONS)}")
    return INSTALLATIONS[name]
