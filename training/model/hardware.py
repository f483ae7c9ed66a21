"""Name the machine that trained a model; times mean little without it."""

import os
import platform
from pathlib import Path

import torch
from pianokpm_training.model.devices import Place


def describe_hardware(place: Place) -> str:
    """Say in words where a run computed."""
    return f'{describe_device(place.device, place.count)}, {place.precision}'


def describe_device(device: torch.device, processes: int = 1) -> str:
    """Say in words what computed."""
    if device.type == 'cuda':
        return f'{processes} x {torch.cuda.get_device_name(device)}'
    threads = torch.get_num_threads()
    return f'CPU {_processor()}, {processes} process(es) of {threads} thread(s) on {os.cpu_count()} cores'


def _processor() -> str:
    try:
        lines = Path('/proc/cpuinfo').read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(':', 1)[1].strip() for line in lines if line.startswith('model name')]
    return names[0] if names else platform.machine()
