"""Play recorded key motion as it happens: one record for the time since the last."""

from dataclasses import replace
from pathlib import Path

from pianokpm_ros.keyboard.key_samples import KeySamples, read_midi
from pianokpm_ros.records import KeyMotion
from pianokpm_ros.takes import load_take


def load_keys(path: Path | str) -> KeySamples:
    """Read a MIDI file, or the key sensors of a take's folder."""
    path = Path(path)
    return load_take(path).sensor_keys() if path.is_dir() else read_midi(path)


class KeyPlayer:
    """Give out what the keys did since the last time it was asked; before the start all keys rest."""

    def __init__(self, samples: KeySamples, rate: float = 1.0) -> None:
        """Set up.

        Args:
            samples: key motion from time 0.
            rate: times faster than the samples' own time; stamps keep their own time.
        """
        self._samples, self._rate = samples, rate
        self._origin: int | None = None
        self._sequence, self._played = 0, -1

    @property
    def playing(self) -> bool:
        """Whether it was started."""
        return self._origin is not None

    def start(self, origin: int) -> None:
        """Begin, or begin again, at the clock time `origin` [ns]."""
        self._origin, self._played = origin, -1

    def advance(self, now: int) -> KeyMotion | None:
        """Return the record up to the clock time `now` [ns]; None where the clock stands still or went back."""
        until = -1 if self._origin is None else round((now - self._origin) * self._rate)
        if until < 0:
            made = replace(self._samples.between(-1, -1, 0), stamp=now)
        elif until <= self._played:
            return None
        else:
            made = self._samples.between(self._played, until, 0, self._origin)
            self._played = until
        sequence, self._sequence = self._sequence, self._sequence + 1
        return replace(made, sequence=sequence)
