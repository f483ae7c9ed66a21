"""`pianokpm calibrate --click`: corners of keys are named in a browser, in pictures of the cameras."""

import argparse
import webbrowser
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.text import Text

from pianokpm_ros.capture.device import CameraSettings
from pianokpm_ros.capture.opening import check_own_names
from pianokpm_ros.capture.source import CaptureError
from pianokpm_ros.capture.still import take_still
from pianokpm_ros.geometry.camera import Camera
from pianokpm_ros.outputs import OutputError, check_output
from pianokpm_ros.viewer.clicks import ClickServer
from pianokpm_ros.viewer.naming import Naming

POLL = 0.1


def name_corners(
    arguments: argparse.Namespace,
    settings: CameraSettings,
    lenses: Mapping[str, Camera],
    console: Console,
) -> None:
    """Serve the page until people have saved; then the file of points is written."""
    path = Path(arguments.click)
    check_output(path, replace=True)  # what is there is gone on with
    if path.absolute() == Path(arguments.output).absolute():
        raise OutputError(
            f'asked to write corners and rig both into {path}; name another file for one of them (-o is the rig)'
        )
    if not arguments.video:
        raise CaptureError(
            'asked for --click without a camera; name one, such as front=/dev/video0, or a picture of its view'
        )
    with console.status(Text('looking through the cameras')):
        stills = [take_still(text, settings) for text in arguments.video]
    check_own_names([s.camera for s in stills])
    naming = Naming(stills, path, lenses)
    with ClickServer(naming, Path(arguments.output).name, port=arguments.port) as server:
        known = f'; it has {naming.count} corners' if naming.count else ''
        console.print(Text(f'{server.invitation} and name corners of keys for {path}{known}'))
        console.print('Save there ends this, Ctrl-C too, but writes nothing')
        if arguments.open:
            webbrowser.open(server.url)
        while not server.done.wait(POLL):
            pass
    console.print(Text(f'wrote {path}'))
