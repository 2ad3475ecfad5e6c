"""A query's requests to S3, counted at S3 itself, and a year's summary beside a bare read of the same objects."""

from datetime import timedelta

from benchmarks.contenders.calls import Calls
from benchmarks.contenders.programs import TALLY, Function, bare_gets
from benchmarks.measurements.pace import Pace
from benchmarks.results.tables import Goal, Section, Timings, number
from benchmarks.world import queries
from benchmarks.world.data import MONTH_DAYS, MONTH_FROM, MONTH_ROWS, YEAR_DAYS, YEAR_FROM, World, days_from
from ledger.days.versions import SETTLED_ROWS

PAGE = 100
BEFORE = MONTH_FROM - timedelta(days=2)
BARE = "bare concurrent GETs"
REQUESTS_METHOD = """Requests as they arrive at S3, from a warm process that has not read these days before."""
YEAR_METHOD = f"""{YEAR_DAYS} settled days, one query for each brand, by a process that has answered for another brand
before. The bare read GETs the rollups of all days, at once, with the same client, and discards them; Tally reads twelve
month objects, adds up and renders. S3 is a loopback server without latency, which is the hardest case for Tally."""


def month(world: World, tally: Function) -> Section:
    """Count the requests to S3 for pages of a settled month."""
    world.settle([BEFORE, *days_from(MONTH_FROM, MONTH_DAYS)], MONTH_ROWS)
    world.write_months()
    rows, counted = [], {}
    with Calls(tally, world.environ) as calls:
        calls.call(queries.event(queries.log(BEFORE, 1, 1)), times=2)  # modules are loaded from here on
        calls_of = {
            "first page of 100": queries.log(MONTH_FROM, MONTH_DAYS, PAGE),
            "the same page again": queries.log(MONTH_FROM, MONTH_DAYS, PAGE),
            "page of 10,000 (five days)": queries.log(MONTH_FROM, MONTH_DAYS, 10_000),
        }
        for name, body in calls_of.items():
            mark = len(world.bucket.requests)
            answer = queries.data(calls.call(queries.event(body))[1])
            lists, gets = (world.bucket.requests_since(mark, method) for method in ("LIST", "GET"))
            bodies = [key for key in gets if key.endswith(SETTLED_ROWS)]
            counted[name] = len(lists), len(bodies), len(gets) - len(bodies)
            rows.append((name, str(len(answer["creditLog"]["nodes"])), *map(str, counted[name])))
    lists_of_first, bodies_of_first, others_of_first = counted["first page of 100"]
    goals = [
        Goal("a settled month, page of 100: LISTs", "", lists_of_first, 0),
        Goal("a settled month, page of 100: bodies of days read", "", bodies_of_first, 1),
        Goal("a settled month, page of 100: other objects read", "", others_of_first, 1, 0),
    ]
    head = (f"{MONTH_DAYS} settled days", "rows", "LIST", "GET of a day's rows", "GET of anything else")
    return Section("Requests to S3", REQUESTS_METHOD, head, rows, goals)


def year(world: World, pace: Pace, tally: Function) -> Section:
    """Sum up a year, by day and outcome."""
    brands = [f"year{number}" for number in range(pace.year_rounds + 1)]
    world.settle(days_from(YEAR_FROM, YEAR_DAYS), pace.year_rows, brands[0])
    world.write_months(brands[0])
    for other in brands[1:]:
        world.copy_brand(brands[0], other)
    times, bodies, gets = Timings(), 0, 0
    reader = bare_gets(tally.folder)
    with Calls(tally, world.environ) as ours, Calls(reader, {**world.environ, **reader.environ}) as bare:
        for turn, brand in enumerate(brands):
            rollups = [key for key in world.bucket.objects if f"/brand={brand}/" in key and "/_settled-" in key]
            mark = len(world.bucket.requests)
            seconds, answer = ours.call(queries.event(queries.summary(YEAR_FROM, YEAR_DAYS, brand)))
            bodies += sum(key.endswith(SETTLED_ROWS) for _, key in world.bucket.requests[mark:])
            gets = max(gets, len(world.bucket.requests[mark:]))
            _check(queries.data(answer)["creditLog"], YEAR_DAYS * pace.year_rows)
            plain, _ = bare.call({"keys": rollups})
            if turn:
                times.add(TALLY, seconds * 1000)
                times.add(BARE, plain * 1000)
    rows = [
        (name, number(times.median(name)), times.spread(name), number(times.ratio(name, BARE))) for name in times.rounds
    ]
    goals = [
        Goal("366 settled days, summary: bodies of days read", "", bodies, 0),
        Goal("366 settled days, summary: requests to S3", "", gets, 14),
        Goal("366 settled days, summary", " of the bare GETs", times.ratio(TALLY, BARE) or 0, 0.3, 0.15),
    ]
    head = ("summary by day and outcome", "ms", "from, to", "times the bare GETs")
    return Section(f"{YEAR_DAYS} settled days of {pace.year_rows:,} rows summed up", YEAR_METHOD, head, rows, goals)


def _check(answer: dict[str, object], rows: int) -> None:
    buckets = answer["summary"]
    if not isinstance(buckets, list) or answer["totalCount"] != rows:
        raise RuntimeError(f"the year has a wrong number of rows: {answer['totalCount']}")
    if sum(bucket["count"] for bucket in buckets) != rows:
        raise RuntimeError("the year's buckets do not add up")
