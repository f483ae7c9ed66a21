"""PianoKPM Net, rebuilt from its description (Liu et al., NeurIPS 2025), to compare with; no code of theirs is used.

Windows of 1024 samples, one second; stride 1 and symmetric padding, so it looks ahead; decoder step by step from zero.
Letters: B windows, T samples (1024), C channels, M muscles.
"""

import torch
from torch import Tensor, nn

POSE_CHANNELS, KEY_CHANNELS, MUSCLES = 84, 88, 6
WIDTH, HIDDEN, LATENT = 256, 512, 64
GROUPS = 16
PARAMETERS = 3_706_502
"""Of the network that the authors released: the check that this one is built right."""

OUTPUT_SCALE = 0.01


class Convolution(nn.Module):
    """Convolution in time, ReLU, layer norm over channels; (B, C, T) to (B, WIDTH, T)."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(channels, WIDTH, kernel, padding=kernel // 2)
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.convolution(x))
        return self.norm(x.transpose(1, 2)).transpose(1, 2)


class Separable(nn.Module):
    """Convolution in time over groups of channels, then two linear layers; each with residual and layer norm."""

    def __init__(self, kernel: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(GROUPS, GROUPS, (1, kernel), padding=(0, kernel // 2))
        self.norm = nn.LayerNorm(WIDTH)
        self.inner, self.outer = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.last_norm = nn.LayerNorm(WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        groups = x.reshape(len(x), GROUPS, WIDTH // GROUPS, -1)
        x = x + torch.relu(self.convolution(groups)).reshape(x.shape)
        y = self.norm(x.transpose(1, 2))
        y = self.last_norm(y + self.outer(torch.relu(self.inner(y))))
        return y.transpose(1, 2)


class PublishedNetwork(nn.Module):
    """Two views and 88 keys to six muscles."""

    def __init__(self) -> None:
        super().__init__()
        self.pose = nn.Sequential(Convolution(POSE_CHANNELS, 11), Convolution(WIDTH, 5))
        self.keys = nn.Sequential(Convolution(KEY_CHANNELS, 11), Convolution(WIDTH, 5))
        self.stages = nn.Sequential(
            Convolution(WIDTH, 17),
            Separable(9),
            Separable(9),
            Convolution(WIDTH, 9),
            Separable(5),
            Separable(5),
        )
        self.latent = nn.Linear(WIDTH, LATENT)
        self.decoder = nn.Sequential(
            nn.Linear(LATENT + MUSCLES, HIDDEN),
            nn.LayerNorm(HIDDEN),
            nn.LeakyReLU(),
            nn.Linear(HIDDEN, HIDDEN),
            nn.LayerNorm(HIDDEN),
            nn.LeakyReLU(),
            nn.Linear(HIDDEN, MUSCLES),
        )

    def encode(self, pose: Tensor, keys: Tensor) -> Tensor:
        """Take (B, T, 84) pixels and (B, T, 88) keys; returns (B, T, LATENT)."""
        fused = self.pose(pose.transpose(1, 2)) + self.keys(keys.transpose(1, 2))
        return self.latent(self.stages(fused).transpose(1, 2))

    def decode(self, latent: Tensor) -> Tensor:
        """Run the decoder sample by sample from a state of zero, (B, T, LATENT) to (B, T, M)."""
        state, outputs = latent.new_zeros(len(latent), MUSCLES), []
        for now in latent.unbind(1):
            state = self.refine(now, state)
            outputs.append(state)
        return torch.stack(outputs, dim=1)

    def refine(self, latent: Tensor, before: Tensor) -> Tensor:
        """Give outputs from latents and the outputs of the samples before."""
        return OUTPUT_SCALE * self.decoder(torch.cat([latent, before], dim=-1))

    def decode_guided(self, latent: Tensor, guess: Tensor) -> Tensor:
        """Decode all samples at once, given (B, T, M) outputs in place of the network's own of the samples before."""
        before = nn.functional.pad(guess, (0, 0, 1, 0))[:, :-1]
        return self.refine(latent, before)

    def forward(self, pose: Tensor, keys: Tensor) -> Tensor:
        return self.decode(self.encode(pose, keys))
