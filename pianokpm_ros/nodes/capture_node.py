"""Cameras of a rig, live or from files: publishes the hands in their frames, or the frames themselves."""

import sys
from pathlib import Path

from builtin_interfaces.msg import Time

from pianokpm_ros.capture.device import CameraSettings
from pianokpm_ros.capture.live_run import LiveRun, make_cameras, read_size
from pianokpm_ros.capture.multi_capture import Frames
from pianokpm_ros.capture.opening import pair_sources
from pianokpm_ros.capture.playback import Playback, PlaybackSettings, PlaybackState
from pianokpm_ros.capture.preview import Preview
from pianokpm_ros.capture.video_set import prepare_videos
from pianokpm_ros.geometry.rig import Rig, load_rig
from pianokpm_ros.graph import AT_END
from pianokpm_ros.hands.choice import make_workers
from pianokpm_ros.nodes.base import LATCHED, Health, PianoNode, run_node
from pianokpm_ros.nodes.camera_output import CameraOutput
from pianokpm_ros.nodes.connections import WAIT_PARAMETERS, Connections
from pianokpm_ros.nodes.detection import HAND_PARAMETERS, read_hand_settings
from pianokpm_ros.nodes.parameters import Parameter, ParameterError
from pianokpm_ros.nodes.sensor_messages import make_header
from pianokpm_ros.recording.video import CameraVideo, choose_folder
from pianokpm_ros.records import Frame


class CaptureNode(PianoNode):
    """Publish `<camera>/hands` and `<camera>/camera_info`, or images with `landmarks` off."""

    PARAMETERS = (
        Parameter('cameras', [''], 'camera names, as in the rig'),
        Parameter(
            'addresses', [''], 'live: /dev/video0, a number or a URL of each, in this order'
        ),
        Parameter('size', '', 'asked of live cameras, as 640x480; empty = the calibrated size'),
        Parameter('frame_rate', 0.0, 'asked of live cameras [Hz]; 0 = as it is', 0.0, 1000.0),
        Parameter('format', '', 'asked of live cameras: MJPG, YUYV, ...; empty = as it is'),
        Parameter('exposure', 0.0, 'asked of live cameras [s]; 0 = automatic', 0.0, 1.0),
        Parameter(
            'open_timeout', 8.0, 'longest time to wait for their first frames [s]', 0.1, 60.0
        ),
        Parameter('videos', [''], 'or video file of each camera, in the same order'),
        Parameter('timestamps', '', 'CSV with the time of each frame; empty = as in the videos'),
        Parameter('rig', '', 'calibration file; empty = not calibrated'),
        Parameter('rate', 1.0, 'playback speed; 0 = as fast as possible', 0.0, 100.0),
        Parameter('at_end', 'idle', 'what to do at the end of the files', choices=AT_END),
        *WAIT_PARAMETERS,
        Parameter('landmarks', True, 'find the hands here; off = publish full images'),
        *HAND_PARAMETERS,
        Parameter('preview_rate', 0.0, 'JPEG pictures a second to publish [Hz]', 0.0, 10.0),
        Parameter('preview_quality', 80, 'of the JPEG', 1, 100),
        Parameter('record_videos', '', 'folder to film all cameras to; empty = film nothing'),
    )

    def __init__(self) -> None:
        super().__init__('capture_node')
        s = self.settings
        self._connections = Connections(self, s['wait_for'])
        self._films: dict[str, CameraVideo] = {}
        rig = load_rig(s['rig']) if s['rig'] else None
        self._run = self._open_live(rig) if s['addresses'] else self._open_files(rig)
        self._workers = (
            make_workers(read_hand_settings(s), tuple(self._outputs), rig)
            if s['landmarks']
            else None
        )
        # Now that nothing can be refused any more: it leaves files.
        self._films = self._make_films()
        self.offer_pause()
        self._run.start()

    def _open_live(self, rig: Rig | None) -> LiveRun:
        s = self.settings
        if s['videos']:
            raise ParameterError('addresses, videos: cameras are live or from files, not both')
        asked = CameraSettings(
            read_size(s['size']),
            s['frame_rate'] or None,
            s['format'] or None,
            s['exposure'] or None,
        )
        addresses = pair_sources(s['cameras'], 'addresses', s['addresses'])
        cameras = make_cameras(addresses, asked, rig, lambda: self.now, s['open_timeout'])
        run = LiveRun(cameras, self._take)
        sizes = run.open(rig)
        self._rates = dict.fromkeys(sizes, s['frame_rate'])
        self._outputs = {name: self._offer(name, size, rig) for name, size in sizes.items()}
        run.on_frame = self._film_frame
        return run

    def _open_files(self, rig: Rig | None) -> Playback:
        s = self.settings
        videos = pair_sources(s['cameras'], 'videos', s['videos'])
        sources = prepare_videos(videos, rig, s['timestamps'])
        self._rates = {source.name: source.rate for source in sources}
        self._outputs = {c.name: self._offer(c.name, c.size, rig) for c in sources}
        self._start = self.create_publisher(Time, 'playback/start', LATCHED)
        self._end = self.create_publisher(Time, 'playback/end', LATCHED)
        settings = PlaybackSettings(s['rate'], s['at_end'] == 'loop', s['wait_timeout'])
        made = Playback(sources, settings, lambda: self.now, self._has_listeners, self._take)
        made.on_frames = self._film
        made.on_start, made.on_end, made.on_finish = self._announce, self._close_round, self._rest
        return made

    def _make_films(self) -> dict[str, CameraVideo]:
        asked, rates = self.settings['record_videos'], self._rates
        if not asked:
            return {}
        folder = choose_folder(Path(asked), rates)
        if folder != Path(asked):
            self.get_logger().warning(f'{asked} holds films of these cameras: goes on in {folder}')
        return {name: CameraVideo(folder, name, rate or 60.0) for name, rate in rates.items()}

    def _offer(self, name: str, size: tuple[int, int], rig: Rig | None) -> CameraOutput:
        s = self.settings
        preview = Preview(s['preview_rate'], s['preview_quality']) if s['preview_rate'] else None
        calibration = rig.camera(name) if rig else None
        return CameraOutput(self, name, size, calibration, s['landmarks'], preview)

    def _has_listeners(self) -> bool:
        return not self._connections.find_missing()

    def _announce(self, origin: int) -> None:
        self._start.publish(make_header(origin, '').stamp)
        for output in self._outputs.values():
            output.publish_info(origin)

    def _film(self, frames: Frames) -> None:
        for film in self._films.values() if self.enabled else ():
            if film.camera in frames:
                film.push(frames[film.camera])

    def _film_frame(self, frame: Frame) -> None:
        self._film({frame.camera: frame})

    def _take(self, frames: Frames) -> None:
        if not self.enabled:
            return
        for frame in frames.values():
            self._outputs[frame.camera].publish_frame(frame)
        if self._workers is not None:
            for name, hands in self._workers.process(frames).items():
                self.publish(self._outputs[name].hands, hands)

    def _close_round(self, stamp: int) -> None:
        self._end.publish(make_header(stamp, '').stamp)

    def _rest(self) -> None:
        playback = self._run
        if playback.state is PlaybackState.FAILED:
            self.get_logger().error(playback.error)
        elif self.settings['at_end'] == 'exit':
            self.finish()

    def diagnose(self) -> Health:
        """Say where the playback is, or how the cameras are."""
        level, message, values = self._run.summarise()
        films = self._films.values()
        lost = sum(film.dropped for film in films)
        if self._films:
            values |= {'filmed': sum(f.written for f in films), 'not filmed': lost}
        if level == 'good' and lost:
            level, message = 'warning', f'{message}; some frames are not in the videos'
        if self._workers is not None and (stuck := self._workers.answers.explain_silence()):
            level, message = 'error', stuck if level == 'good' else f'{stuck}; {message}'
        return getattr(Health, level)(message, **values)

    def close(self) -> None:
        """Stop capture and free the detectors."""
        self._run.stop()
        for film in self._films.values():
            film.close()
        if self._workers is not None and not self._run.is_alive():
            self._workers.close()


def main() -> int:
    """Run the node."""
    return run_node(CaptureNode)


if __name__ == '__main__':
    sys.exit(main())
