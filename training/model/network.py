"""The network: recurrent layers with carried state, and for each look-ahead a mean and a deviation of every muscle.

Letters: B batch, T ticks, F features, S state, L look-aheads, M muscles.
"""

import torch
from torch import Tensor, nn

DEVIATION_FLOOR = 0.004
"""Smallest deviation [fraction of MVC]; keeps the likelihood bounded where the muscles rest."""


class MuscleNetwork(nn.Module):
    """Features of successive ticks to muscles: linear, GRU layers, linear, outputs.

    The output for look-ahead l at tick k is the muscle at k + one tick - l.
    """

    def __init__(
        self,
        features: int,
        lookaheads: int,
        muscles: int,
        width: int = 128,
        layers: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.outputs = (lookaheads, muscles)
        self.width, self.layers = width, layers
        self.entry = nn.Linear(features, width)
        self.forget = nn.Dropout(dropout)  # before and after the memory, in training only
        self.memory = nn.GRU(width, width, layers, batch_first=True)
        self.exit = nn.Linear(width, width // 2)
        self.mean = nn.Linear(width // 2, lookaheads * muscles)
        self.spread = nn.Linear(width // 2, lookaheads * muscles)
        self.register_buffer('calibration', torch.ones(lookaheads, muscles))
        nn.init.constant_(self.mean.bias, -2.5)
        nn.init.constant_(self.spread.bias, -3.0)

    @property
    def state_size(self) -> int:
        """S."""
        return self.layers * self.width

    def start(self, batch: int) -> Tensor:
        """Return the (B, S) state of a network that has seen nothing."""
        return torch.zeros(batch, self.state_size, device=self.calibration.device)

    def forward(self, features: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Take (B, T, F) scaled features; returns (B, T, L, M) means and deviations and the (B, S) next state."""
        memory, after = self.remember(features, state)
        return *self.tell(memory), after

    def remember(self, features: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return the (B, T, width) memory at each tick and the (B, S) next state."""
        before = state.reshape(len(state), self.layers, self.width).transpose(0, 1).contiguous()
        memory, after = self.memory(self.forget(torch.relu(self.entry(features))), before)
        return memory, after.transpose(0, 1).reshape(len(state), -1)

    def tell(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Return (B, T, L, M) means and deviations."""
        hidden = torch.relu(self.exit(self.forget(memory)))
        shape = (*memory.shape[:2], *self.outputs)
        mean = torch.sigmoid(self.mean(hidden)).reshape(shape)
        spread = nn.functional.softplus(self.spread(hidden)).reshape(shape)
        return mean, DEVIATION_FLOOR + spread * self.calibration


def count_parameters(network: nn.Module) -> int:
    """Count the trained numbers."""
    return sum(p.numel() for p in network.parameters())
