"""Cameras as devices that give one picture after the other: V4L2 by OpenCV, network streams by FFmpeg."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.capture.address import hide_password, is_stream
from pianokpm_ros.capture.conversion import BgrConverter
from pianokpm_ros.capture.source import MOST_BROKEN, CaptureError

Image = NDArray[np.uint8]

OPEN_TIMEOUT, READ_TIMEOUT = 5.0, 0.5
"""A stream that gives nothing for so long is opened again [s]."""

WINDOW = 300
"""Frames over which the quickest transport is looked for."""

LATEST = 300_000_000
"""A frame that seems to have been this long on its way [ns] wasn't: the stream's time runs otherwise than ours."""

TIMELESS = ('mpjpeg', 'mjpeg', 'h264', 'hevc')
"""Formats without times: FFmpeg counts their frames as 25 a second."""


@dataclass(frozen=True)
class CameraSettings:
    """What is asked of a camera; None = as it is.

    Attributes:
        size: (width, height) [px].
        rate: frames a second [Hz].
        format: four letters, such as `MJPG` or `YUYV`.
        exposure: exposure time [s]; switches automatic exposure off. V4L2 counts in 0.1 ms.
    """

    size: tuple[int, int] | None = None
    rate: float | None = None
    format: str | None = None
    exposure: float | None = None

    def __post_init__(self) -> None:
        if self.format is not None and not (len(self.format) == 4 and self.format.isascii()):
            raise CaptureError(
                f'format: expected four letters such as MJPG, YUYV or H264, found {self.format!r}'
            )


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture and when it was taken.

    Attributes:
        image: (height, width, 3) BGR.
        stamp: [ns] on the clock that was given.
    """

    image: Image
    stamp: int


class Device(Protocol):
    """An open camera.

    Attributes:
        said: what was asked for and not granted, in words.
    """

    said: tuple[str, ...]

    def read(self) -> Picture | None:
        """Wait for the next picture; None when there will be none."""

    def close(self) -> None:
        """Let go of it."""


def open_device(address: str, settings: CameraSettings, clock: Callable[[], int]) -> Device:
    """Open a camera by its address.

    Args:
        address: `/dev/video0`, a number, or a URL (RTSP, HTTP MJPEG, ...).
        settings: what is asked of it.
        clock: returns the time now [ns].
    """
    if is_stream(address):
        return StreamDevice(address, settings, clock)
    return VideoDevice(address, settings, clock)


class VideoDevice:
    """A local camera by OpenCV; what it was set to is read back and compared."""

    def __init__(self, address: str, settings: CameraSettings, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._exposure = settings.exposure or 0.0
        number = int(address) if address.isdigit() else address
        self._capture = cv2.VideoCapture(number)
        if not self._capture.isOpened():
            self._capture.release()
            raise CaptureError(
                f"asked for the camera {address}, which can't be opened; is it plugged in, is another "
                'program using it, may this user read it (group `video`)?'
            )
        # As few as keep no old frames for us. With one, which is ours until it is converted, the driver has no place
        # for the next frame as that begins, and leaves every other one out.
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 2)
        self.said = tuple(self._ask(settings))

    def _ask(self, settings: CameraSettings) -> list[str]:
        said = []
        if settings.format is not None:
            self._capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter_fourcc(*settings.format))
            code = int(self._capture.get(cv2.CAP_PROP_FOURCC))
            found = ''.join(chr((code >> 8 * i) & 255) for i in range(4))
            if found != settings.format:
                said.append(f'asked for the format {settings.format}, got {found}')
        if settings.size is not None:
            self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, settings.size[0])
            self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, settings.size[1])
            properties = (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
            size = tuple(int(self._capture.get(p)) for p in properties)
            if size != settings.size:
                said.append('asked for {}x{}, got {}x{}'.format(*settings.size, *size))
        if settings.rate is not None:
            self._capture.set(cv2.CAP_PROP_FPS, settings.rate)
            rate = self._capture.get(cv2.CAP_PROP_FPS)
            if abs(rate - settings.rate) > 0.5:
                said.append(f'asked for {settings.rate:g} frames/s, got {rate:g}')
        if settings.exposure is not None:
            self._capture.set(cv2.CAP_PROP_AUTO_EXPOSURE, 1)  # V4L2: manual
            wanted = round(settings.exposure * 1e4)
            self._capture.set(cv2.CAP_PROP_EXPOSURE, wanted)
            if abs(self._capture.get(cv2.CAP_PROP_EXPOSURE) - wanted) > 1:
                found = self._capture.get(cv2.CAP_PROP_EXPOSURE) * 0.1
                said.append(
                    f'asked for {settings.exposure * 1e3:g} ms of exposure, got {found:g} ms'
                )
        return said

    def read(self) -> Picture | None:
        """Wait for the next picture."""
        if not self._capture.grab():
            return None
        stamp = self._clock() - round(self._exposure / 2 * 1e9)
        found, image = self._capture.retrieve()
        return Picture(image, stamp) if found else None

    def close(self) -> None:
        """Let go of the camera."""
        self._capture.release()


class StreamDevice:
    """A network camera or phone by FFmpeg."""

    def __init__(self, address: str, settings: CameraSettings, clock: Callable[[], int]) -> None:
        self._clock, self._arrivals, self._convert = clock, ArrivalClock(), BgrConverter()
        self._container = _open_stream(address)
        stream = self._container.streams.video[0]
        stream.codec_context.thread_count = 1  # frame threads would hold frames back
        self._frames = self._container.decode(stream)
        self._timeless = self._container.format.name in TIMELESS
        context = stream.codec_context
        self.said = tuple(_compare_stream(settings, (context.width, context.height)))

    def read(self) -> Picture | None:
        """Wait for the next picture that can be decoded."""
        frame = self._decode()
        if frame is None:
            return None
        arrival = self._clock()
        shown = None
        if frame.pts is not None and not self._timeless:
            shown = round(frame.pts * frame.time_base * 1_000_000_000)
        return Picture(self._convert(frame), self._arrivals.stamp(shown, arrival))

    def _decode(self) -> av.VideoFrame | None:
        for _ in range(MOST_BROKEN):
            try:
                return next(self._frames, None)
            except av.error.InvalidDataError:
                self._frames = self._container.decode(self._container.streams.video[0])
            except (av.FFmpegError, OSError):
                return None
        return None

    def close(self) -> None:
        """Close the connection."""
        self._container.close()


def _open_stream(address: str) -> av.container.InputContainer:
    """Open the stream at a URL, or say why not."""
    options = {'fflags': 'nobuffer', 'flags': 'low_delay'}
    if address.lower().startswith('rtsp'):
        options['rtsp_transport'] = 'tcp'
    asked = f'asked for the stream {hide_password(address)}'
    try:
        container = av.open(address, options=options, timeout=(OPEN_TIMEOUT, READ_TIMEOUT))
    except (av.FFmpegError, OSError) as error:
        raise CaptureError(
            f'{asked}: {_explain(error)}; is it on, is the address right, is it in this network?'
        ) from error
    kind, pictures = container.format.name, container.streams.video
    if not pictures or kind == 'image2' or kind.endswith('_pipe'):
        container.close()
        found = 'is a single picture' if pictures else 'has no pictures in it'
        raise CaptureError(
            f'{asked}, which {found}; name the address of an MJPEG or RTSP stream of the camera'
        )
    return container


def _explain(error: Exception) -> str:
    """Say in words what FFmpeg met."""
    if isinstance(error, av.error.ExitError):  # FFmpeg's word for it: "Immediate exit requested"
        return f'it gave no picture within {OPEN_TIMEOUT:g} s'
    return getattr(error, 'strerror', None) or str(error)


def _compare_stream(settings: CameraSettings, size: tuple[int, int]) -> list[str]:
    said = []
    if settings.size is not None and 0 not in size and size != settings.size:
        said.append('asked for {}x{}, the stream has {}x{}'.format(*settings.size, *size))
    if settings.exposure is not None or settings.format is not None:
        said.append('exposure and format of a stream are set in the camera itself')
    return said


class ArrivalClock:
    """Stamps of a stream: its own steady time, placed by the quickest of the last arrivals.

    Arrivals jitter with the network, and only ever to the late side; presentation times don't.
    """

    def __init__(self) -> None:
        self._lags: deque[int] = deque(maxlen=WINDOW)

    def stamp(self, shown: int | None, arrival: int) -> int:
        """Return the stamp of a frame [ns]; `shown` is its time in the stream [ns], None = it tells none."""
        if shown is None:
            return arrival
        lag = arrival - shown
        jumped = self._lags and abs(lag - self._lags[-1]) > 1_000_000_000
        if jumped or lag - min(self._lags, default=lag) > LATEST:
            self._lags.clear()
        self._lags.append(lag)
        return min(arrival, shown + min(self._lags))
