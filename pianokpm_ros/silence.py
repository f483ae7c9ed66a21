"""Notice that a stream has gone silent, and say what time it would be on its own stamps."""


class SilenceWatch:
    """Watch one stream; all times are int nanoseconds, `now` on the clock that the stream is received with."""

    def __init__(self, timeout: int, period: int) -> None:
        """Set up.

        Args:
            timeout: silence that is reported [ns].
            period: time between reports while it lasts [ns].
        """
        self._timeout, self._period = timeout, period
        self.reset()

    def reset(self) -> None:
        """Forget the stream."""
        self._heard: tuple[int, int] | None = None
        self._reported: int | None = None

    @property
    def silent(self) -> bool:
        """Whether silence was reported since the stream was last heard."""
        return self._reported is not None

    def hear(self, stamp: int, now: int) -> None:
        """Note that data of a stamp have come."""
        self._heard, self._reported = (stamp, now), None

    def overdue(self, now: int) -> int | None:
        """Return the stamp that data would have that came now, if it is time to report silence."""
        if self._heard is None:
            return None
        stamp, heard = self._heard
        if now < heard:  # the clock was set back
            self._heard = (stamp, now)
            return None
        since = heard if self._reported is None else self._reported
        if now - since < (self._timeout if self._reported is None else self._period):
            return None
        self._reported = now
        return stamp + now - heard
