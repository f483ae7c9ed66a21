"""Where training runs: one process, or several that `torchrun` started, one a GPU (or CPU, for tests).

The network has some hundred thousand parameters; a trainer library would be larger than all of this.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from pianokpm_training.model.settings import SettingsError, TrainSettings
from torch import distributed, nn


@dataclass(frozen=True)
class Place:
    """Where this process computes.

    Attributes:
        device: of torch.
        rank: of this process.
        count: of processes.
        precision: `float32` or `bfloat16`.
    """

    device: torch.device
    rank: int = 0
    count: int = 1
    precision: str = 'float32'

    @property
    def first(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.rank == 0

    def mixed(self) -> Any:
        """Return the context in which the network runs."""
        if self.precision == 'float32':
            return nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    def spread(self, network: nn.Module) -> nn.Module:
        """Return the network as all processes train it together."""
        if self.count == 1:
            return network
        return nn.parallel.DistributedDataParallel(network)

    def agree(self, value: bool) -> bool:
        """Return what the first process decided."""
        if self.count == 1:
            return value
        told = torch.tensor([int(value)], device=self.device)
        distributed.broadcast(told, 0)
        return bool(told.item())


def prepare_device(device: torch.device) -> None:
    """Refuse a GPU that is not there; let one multiply float32 in its faster way (TF32, 10 bits of mantissa)."""
    if device.type == 'cuda':
        if not torch.cuda.is_available():
            raise SettingsError(
                'asked for the device cuda, but torch finds none; set `device: cpu`, or install a torch with CUDA'
            )
        torch.set_float32_matmul_precision('high')


@contextmanager
def find_place(settings: TrainSettings) -> Iterator[Place]:
    """Choose the device; join the other processes if `torchrun` started several."""
    kind = settings.device
    if kind == 'auto':
        kind = 'cuda' if torch.cuda.is_available() else 'cpu'
    prepare_device(torch.device(kind))
    count = int(os.environ.get('WORLD_SIZE', '1'))
    if count == 1:
        yield Place(torch.device(kind), precision=settings.precision)
        return
    if settings.batch % count:
        raise SettingsError(
            f'a batch of {settings.batch} windows cannot be dealt to {count} processes; take a multiple'
        )
    local = int(os.environ.get('LOCAL_RANK', '0'))
    device = torch.device(kind, local) if kind == 'cuda' else torch.device(kind)
    if kind == 'cuda':
        torch.cuda.set_device(device)
    distributed.init_process_group('nccl' if kind == 'cuda' else 'gloo')
    try:
        yield Place(device, distributed.get_rank(), count, settings.precision)
    finally:
        distributed.destroy_process_group()
