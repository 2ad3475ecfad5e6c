"""A clock that stands still until a test moves it; the product and the simulators share one."""

from datetime import UTC, datetime, timedelta


class MovingClock:
    """Calling it gives the time."""

    def __init__(self, moment: datetime = datetime(2019, 12, 5, 12, tzinfo=UTC)) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, **by: float) -> None:
        """Move the time forward; the arguments are those of `timedelta`."""
        self.moment += timedelta(**by)
