"""`creditLog` as the tests ask for it: the query, a period, and credits to add to the simulated vendor."""

from datetime import UTC, datetime
from typing import Any

from local.vendors.credits import SimulatedCredit
from tests.support.api.frontend import Frontend

CREDIT_LOG = """
query Log($from: DateTime!, $to: DateTime!, $brand: String, $where: CreditLogFilter, $order: CreditLogOrder!
          = OLDEST_FIRST, $first: Int, $after: String) {
  creditLog(from: $from, to: $to, brand: $brand, where: $where, order: $order, first: $first, after: $after) {
    totalCount
    nodes { creditId time msisdn network outcome rawOutcome amount currency }
    edges { cursor node { creditId } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    freshness { source asOf stale }
  }
}"""
START, END = datetime(2019, 11, 12, 6, 30, tzinfo=UTC), datetime(2019, 11, 15, 18, tzinfo=UTC)


def credit_log(frontend: Frontend, start: datetime = START, end: datetime = END, **variables: Any) -> dict[str, Any]:
    period = {"from": start.isoformat(), "to": end.isoformat()}
    log: dict[str, Any] = frontend.data(CREDIT_LOG, {"first": 10_000} | period | variables)["creditLog"]
    return log


def credit(credit_id: int, time: datetime, amount: str = "1.5", **changes: Any) -> SimulatedCredit:
    made = SimulatedCredit(
        credit_id, time, "447700900765", "Vodafone", amount, "GBP", "MyBrand", "SUCCESS", "SUCCESS", settles=time
    )
    return made._replace(**changes)
