"""Record with real parts: a session that is killed once, and a run at full rate."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from slow_take import MIDI, TIMES, write_slow
from virtual_amplifier import NAME, SECOND

from pianokpm_ros.geometry.camera import Camera
from pianokpm_ros.geometry.rig import Rig, load_rig, save_rig
from pianokpm_ros.graph import NodeSpec
from pianokpm_ros.keyboard.midi_port import MidiError, load_rtmidi
from pianokpm_ros.processes import GraphProcesses
from pianokpm_ros.recording.layout import VIDEOS
from pianokpm_ros.shares import find_share
from pianokpm_ros.takes import load_take

HERE = Path(__file__).resolve().parent
KILL_BEFORE_END = 5.0
PLACES = {
    'top': (0.0, 0.0, 0.8),
    'left': (-0.7, 0.0, 0.4),
    'right': (0.7, 0.0, 0.4),
    'front': (0.0, -0.5, 0.5),
}
VIRTUAL_PORT = 'pianokpm rehearsal'


@dataclass
class Seen:
    """What was seen while a recorder ran.

    Attributes:
        cpu: (time [s], processor time of the recorder [s]) now and then.
        killed: when the recorder was killed [ns].
    """

    cpu: list[tuple[float, float]] = field(default_factory=list)
    killed: int = 0

    @property
    def share(self) -> float:
        """Part of a core that the recorder took in the second half."""
        half = self.cpu[len(self.cpu) // 2 :]
        return (half[-1][1] - half[0][1]) / (half[-1][0] - half[0][0])

    def look(self, pid: int) -> None:
        """Read the processor time of a process."""
        fields = Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()
        seconds = (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')
        self.cpu.append((time.monotonic(), seconds))


def describe(name: str, **parameters: object) -> NodeSpec:
    params = str(find_share('config/pianokpm.yaml'))
    return NodeSpec(name, 'capture', parameters, params, respawn=False)


def describe_recorder(bag: Path, rig: Path, cameras: list[str]) -> NodeSpec:
    previews = [f'{c}/image/compressed' for c in cameras]
    return describe('recorder_node', bag=str(bag), cameras=cameras, rig=str(rig), topics=previews)


@contextmanager
def run_nodes(log: Path, *nodes: NodeSpec) -> Iterator[GraphProcesses]:
    """Run nodes; what they say goes to a file."""
    with (
        log.open('a') as file,
        GraphProcesses(nodes, lambda n, line: print(n, line, file=file)) as graph,
    ):
        yield graph


def start_sources(script: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(HERE / script), *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
    )


def await_word(process: subprocess.Popen[str], word: str) -> str:
    """Read lines until one begins with a word; returns the rest of it."""
    for line in process.stdout:
        if line.startswith(word):
            return line.removeprefix(word).strip()
    raise SystemExit(f'the sources ended before {word!r}, with code {process.wait()}')


def rehearse(take: Path, out: Path, slow: float, views: int) -> Seen:
    """Record a session: contractions, then a take that is filmed; kill the recorder in the middle of it."""
    rig, log, seen = take / 'rig.yaml', out / 'nodes.log', Seen()
    cameras = list(load_take(take).rig.names[:views])
    write_slow(load_take(take), slow, cameras, out)
    with run_nodes(
        log,
        describe('keyboard_node', file=str(out / MIDI), follow_playback=True),
        describe('emg_sensor_node', scope='machine', stream=NAME),
        describe('triangulation_node', cameras=cameras, rig=str(rig)),
        describe('muscle_estimation_node'),
    ):
        with run_nodes(log, describe_recorder(out / 'first', rig, cameras)) as recorder:
            sources = start_sources(
                'studio_sources.py',
                '--take',
                take,
                '--slow',
                slow,
                '--truth',
                out / 'truth.npz',
                '--cameras',
                *cameras,
            )
            await_word(sources, 'ready')
            with run_nodes(log, describe_capture(take, out, cameras)):
                _play(sources, take, slow, recorder.states['recorder_node'].pid, seen)
                with run_nodes(log, describe_recorder(out / 'second', rig, cameras)):
                    await_word(sources, 'done')
                    sources.wait(30)
    return seen


def _play(sources: subprocess.Popen[str], take: Path, slow: float, pid: int, seen: Seen) -> None:
    start = int(await_word(sources, 'playing'))
    end = start + load_take(take).performance.duration * slow - KILL_BEFORE_END * SECOND
    while time.time_ns() < end:
        seen.look(pid)
        time.sleep(0.25)
    seen.killed = time.time_ns()
    os.kill(pid, signal.SIGKILL)


def describe_capture(take: Path, out: Path, cameras: list[str]) -> NodeSpec:
    hands = [f'{c}/hands' for c in cameras]
    listeners = [('triangulation_node', h) for h in hands] + [('recorder_node', h) for h in hands]
    listeners += [('studio_session', 'playback/start'), ('keyboard_node', 'playback/start')]
    return describe(
        'capture_node',
        cameras=cameras,
        videos=[str(take / f'{c}.mp4') for c in cameras],
        timestamps=str(out / TIMES),
        rig=str(take / 'rig.yaml'),
        wait_for=[f'{node} {topic}' for node, topic in listeners],
        preview_rate=10.0,
        record_videos=str(out / 'first' / VIDEOS),
    )


def look_at(name: str, position: tuple[float, ...], size: tuple[int, int] = (640, 480)) -> Camera:
    forward = np.array([0.0, 0.05, 0.0]) - position
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0.0, 0.0, 1.0] if abs(forward[2]) < 0.9 else [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    matrix = np.array([[600.0, 0, size[0] / 2], [0, 600.0, size[1] / 2], [0, 0, 1]])
    return Camera(name, size, matrix, np.zeros(5), rotation, -rotation @ np.array(position))


def choose_port() -> str:
    """Return a virtual MIDI port where the machine has any, else a free TCP port."""
    try:
        load_rtmidi()
        return VIRTUAL_PORT
    except MidiError:
        with socket.create_server(('127.0.0.1', 0)) as server:
            return f'tcp:127.0.0.1:{server.getsockname()[1]}'


def run_at_full_rate(out: Path, seconds: float, port: str) -> Seen:
    """Record four cameras' landmarks at 60 Hz with previews, live keys and EMG at 2 kHz."""
    rig, log, seen = out / 'rig.yaml', out / 'nodes.log', Seen()
    save_rig(Rig(tuple(look_at(n, p) for n, p in PLACES.items())), rig)
    cameras = list(load_rig(rig).names)
    with (
        run_nodes(
            log,
            describe('keyboard_node', port=port),
            describe('emg_sensor_node', scope='machine', stream=NAME),
            describe('triangulation_node', cameras=cameras, rig=str(rig)),
            describe('muscle_estimation_node'),
        ),
        run_nodes(log, describe_recorder(out / 'full', rig, cameras)) as recorder,
    ):
        time.sleep(3.0)
        sources = start_sources(
            'recording_sources.py', '--rig', rig, '--midi', port, '--truth', out / 'full.npz',
            '--seconds', seconds,
        )  # fmt: skip
        while sources.poll() is None:
            seen.look(recorder.states['recorder_node'].pid)
            time.sleep(0.5)
        time.sleep(1.0)
    return seen
