"""Notice that a stream has gone silent."""


class SilenceWatch:
    """Watch one stream; times are int nanoseconds on the clock that the stream is received with."""

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
        self._heard: int | None = None
        self._reported: int | None = None

    @property
    def silent(self) -> bool:
        """Whether silence was reported since the stream was last heard."""
        return self._reported is not None

    def hear(self, now: int) -> None:
        """Note that something has come."""
        self._heard, self._reported = now, None

    def lasted(self, now: int) -> int:
        """Return how long nothing has come [ns], 0 before the first."""
        return 0 if self._heard is None else max(now - self._heard, 0)

    def is_due(self, now: int) -> bool:
        """Tell whether it is time to report silence; it then counts as reported."""
        if self._heard is None:
            return False
        if now < (self._reported or self._heard):  # the clock was set back
            self.hear(now)
            return False
        since, limit = (
            (self._heard, self._timeout)
            if self._reported is None
            else (self._reported, self._period)
        )
        if now - since < limit:
            return False
        self._reported = now
        return True
