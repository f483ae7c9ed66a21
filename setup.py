"""Describe the two Python packages for `pip install`; colcon builds from CMakeLists.txt instead."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).resolve().parent
DATA = (
    *(
        'assets/**',
        '**/*.json',
        '**/*.yaml',
        '**/*.xml',
        '**/*.html',
        '**/*.css',
        '**/*.js',
        '**/*.svg',
    ),
    '**/LICENSE.*',
)


def read_pins(name: str) -> list[str]:
    """Return the requirements of requirements/<name>.txt, without comments and options."""
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text().splitlines()
    stripped = (line.split('#')[0].strip() for line in lines)
    return [line for line in stripped if line and not line.startswith('-')]


def list_shared_files() -> list[tuple[str, list[str]]]:
    """Return the files that belong under `share/pianokpm`, as in a ROS installation."""
    folders = {
        name: sorted(map(str, Path(name).glob('*'))) for name in ('msg', 'config', 'launch')
    }
    folders['.'] = ['package.xml']
    return [(f'share/pianokpm/{name}', files) for name, files in folders.items()]


training = [
    'pianokpm_training',
    *(f'pianokpm_training.{name}' for name in find_packages('training')),
]

setup(
    name='pianokpm',
    version=re.search(r'<version>(.+)</version>', (ROOT / 'package.xml').read_text())[1],
    description="Estimate the activity of hand muscles from camera views of a pianist's hands",
    license='Apache-2.0',
    license_files=['LICENSE'],
    python_requires='>=3.10,<3.13',
    packages=[*find_packages(include=('pianokpm_ros', 'pianokpm_ros.*')), *training],
    package_dir={'pianokpm_training': 'training'},
    package_data={'pianokpm_ros': list(DATA), 'pianokpm_training': list(DATA)},
    data_files=list_shared_files(),
    install_requires=read_pins('runtime'),
    extras_require={
        name: read_pins(name) for name in ('mediapipe', 'int8', 'training', 'simulation')
    },
)
