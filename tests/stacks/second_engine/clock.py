"""A clock that only waits and hanging calls move."""

from datetime import UTC, datetime, timedelta


class Clock:
    """The time of an AWS in memory."""

    def __init__(self) -> None:
        self._now = datetime(2026, 11, 20, 10, 0, 0, 123000, tzinfo=UTC)

    def now(self) -> datetime:
        """The time, in UTC."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let it be later."""
        self._now += timedelta(seconds=seconds)

    def datetime_class(self) -> type[datetime]:
        """What takes the place of `datetime` in a module that asks for the time."""
        clock = self

        class ClockTime(datetime):
            @classmethod
            def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
                return clock.now()

        return ClockTime
