"""A clock that stands still until a test moves it; product and simulators are given the same one."""

from datetime import UTC, datetime, timedelta


class MovingClock:
    """Call it for the present moment."""

    def __init__(self, moment: datetime = datetime(2019, 12, 5, 12, tzinfo=UTC)) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, **by: float) -> None:
        """Move on; takes what `timedelta` takes."""
        self.moment += timedelta(**by)
