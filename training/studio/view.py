"""What one virtual camera sees of hands and piano.

Light is computed in linear RGB; pictures are 8-bit BGR with sRGB-like gamma, a lens's softness and
sensor noise. Letters: C capsules, N tiles.
"""

import cv2
import numpy as np
from numpy.typing import NDArray
from pianokpm_training.studio.flesh import Flesh, clothe
from pianokpm_training.studio.kernels import (
    NOTHING,
    draw_flesh,
    hit_boxes,
    light_boxes,
    shade_scene,
)
from pianokpm_training.studio.piano import Piano, build_piano

from pianokpm_ros.geometry.camera import Camera
from pianokpm_ros.keyboard.layout import KEY_COUNT

FloatArray = NDArray[np.floating]

TILE = 16
GAMMA = 2.2
LAMP = np.array([-0.346, -0.247, 0.905])
"""Unit vector to the lamp, over the player's left shoulder."""

SKIN = (0.82, 0.62, 0.51)
"""Colour of the skin, RGB with gamma."""

REACH = 0.12
"""How far from a hand its shade is looked for [m]."""

LENS_BLUR = 0.6
NOISE, NOISE_FIELDS = 2.0, 8
"""Sensor noise [grey values], and how many fields of it a camera alternates between."""


class View:
    """Renders the frames of one camera; keeps the lit piano and repaints only keys that move."""

    def __init__(self, camera: Camera, seed: int, skin: tuple[float, float, float] = SKIN) -> None:
        """Set up.

        Args:
            camera: at most 120 degrees wide.
            seed: of the sensor noise.
            skin: RGB with gamma, 0..1.
        """
        self.camera = camera
        self._rng = np.random.default_rng(seed)
        self._tone = np.array(skin) ** GAMMA
        self._piano: Piano = build_piano()
        width, height = camera.size
        self._rays, self._centre = _cast_rays(camera), np.ascontiguousarray(camera.centre)
        self._depth = np.full((height, width), NOTHING)
        self._normal = np.zeros((height, width, 3))
        self._box = np.full((height, width), -1, np.int64)
        self._lit = np.zeros((height, width, 3))
        self._position: FloatArray | None = None
        shape = (height, width, 1)
        self._noise = [
            (NOISE * self._rng.standard_normal(shape, np.float32)) for _ in range(NOISE_FIELDS)
        ]

    def render(self, hands: FloatArray, keys: FloatArray) -> NDArray[np.uint8]:
        """Draw a frame.

        Args:
            hands: (H, 21, 3) landmarks [m], rig frame; a hand with any NaN is absent.
            keys: (88,) positions, 0 at rest to 1 down.

        Returns:
            (height, width, 3) BGR.
        """
        self._paint_piano(np.asarray(keys, np.float64))
        image, depth = self._lit.copy(), self._depth.copy()
        mask = np.zeros(depth.shape, np.uint8)
        bodies = [clothe(h) for h in hands if np.isfinite(h).all()]
        for body in bodies:
            self._draw(body, depth, image, mask)
        for body in bodies:
            self._shade(body, depth, mask, image)
        return self._expose(image)

    def _draw(
        self, body: Flesh, depth: FloatArray, image: FloatArray, mask: NDArray[np.uint8]
    ) -> None:
        tiles, counts, chosen, near = find_tiles(self.camera, body)
        if len(tiles):
            draw_flesh(
                tiles, counts, chosen, near, TILE, self._rays, self._centre, body.capsules,
                body.group, body.part, body.back, self._tone, LAMP, depth, image, mask,
            )  # fmt: skip

    def _shade(
        self, body: Flesh, depth: FloatArray, mask: NDArray[np.uint8], image: FloatArray
    ) -> None:
        starts, ends = body.ends
        low = np.minimum(starts, ends).min(axis=0) - REACH
        high = np.maximum(starts, ends).max(axis=0) + REACH
        corners = np.array([(x, y, z) for x in (low[0], high[0]) for y in (low[1], high[1])
                            for z in (max(low[2], -0.06), high[2])])  # fmt: skip
        left, top, right, bottom = self._bounds(corners)
        shade_scene(
            left, top, right, bottom, self._rays, self._centre, low, high, body.capsules,
            body.group, LAMP, depth, self._normal, mask, image,
        )  # fmt: skip

    def _bounds(self, points: FloatArray) -> tuple[int, int, int, int]:
        """Return the part of the picture that holds some points [m]; all of it if one is behind the camera."""
        width, height = self.camera.size
        pixels = self.camera.project(points)
        if not np.isfinite(pixels).all():
            return 0, 0, width, height
        low = np.floor(pixels.min(axis=0)).astype(int) - 2
        high = np.ceil(pixels.max(axis=0)).astype(int) + 3
        left, right = np.clip([low[0], high[0]], 0, width).tolist()
        top, bottom = np.clip([low[1], high[1]], 0, height).tolist()
        return left, top, right, bottom

    def _paint_piano(self, keys: FloatArray) -> None:
        first = self._position is None
        moved = np.arange(KEY_COUNT) if first else np.flatnonzero(keys != self._position)
        if not len(moved):
            return
        self._position = keys.copy()
        low, high = self._piano.press(keys)
        width, height = self.camera.size
        part = (0, 0, width, height) if first else self._bounds(self._corners(moved))
        left, top, right, bottom = part
        if right <= left or bottom <= top:
            return
        near = np.arange(len(low)) if first else self._neighbours(moved)
        hit_boxes(
            self._rays, self._centre, low, high, near, np.array([top, bottom]),
            np.array([left, right]), self._depth, self._normal, self._box,
        )  # fmt: skip
        self._light_piano(slice(top, bottom), slice(left, right))

    def _corners(self, keys: NDArray[np.intp]) -> FloatArray:
        low, high = self._piano.low[keys], self._piano.high[keys]
        return np.array([
            (x, y, z)
            for a, b in zip(low, high, strict=True)
            for x in (a[0], b[0]) for y in (a[1], b[1]) for z in (a[2] - 0.012, b[2])
        ])  # fmt: skip

    def _neighbours(self, keys: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return all boxes that may show in the part of the picture around some keys."""
        left, top, right, bottom = self._bounds(self._corners(keys))
        seen = np.unique(self._box[top:bottom, left:right])
        hidden = np.concatenate([np.arange(k - 3, k + 4) for k in keys])
        hidden = hidden[(hidden >= 0) & (hidden < KEY_COUNT)]
        return np.unique(np.concatenate([seen[seen >= 0], hidden]))

    def _light_piano(self, rows: slice, columns: slice) -> None:
        box, normal = self._box[rows, columns], self._normal[rows, columns]
        height, width = self._depth.shape
        down = np.linspace(0.0, 1.0, height)[rows, None, None]
        across = np.linspace(-1.0, 1.0, width)[None, columns, None]
        room = (0.012 + 0.02 * down - 0.006 * across**2) * np.array([1.1, 0.95, 0.8])
        colour = np.where(box[..., None] >= 0, self._piano.colour[box], 0.0)
        lit = np.empty_like(colour)
        light_boxes(colour, normal, self._rays[rows, columns], LAMP, lit)
        self._lit[rows, columns] = np.where(box[..., None] >= 0, lit, room)

    def _expose(self, image: FloatArray) -> NDArray[np.uint8]:
        picture = np.clip(image[..., ::-1], 0.0, 1.0).astype(np.float32) ** (1.0 / GAMMA) * 255.0
        picture = cv2.GaussianBlur(picture, (0, 0), LENS_BLUR)
        field = self._noise[self._rng.integers(NOISE_FIELDS)]
        shift = tuple(self._rng.integers(0, field.shape[:2]))
        return np.clip(picture + np.roll(field, shift, (0, 1)), 0, 255).astype(np.uint8)


def _cast_rays(camera: Camera) -> FloatArray:
    width, height = camera.size
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1)
    local = camera.normalize(grid.astype(np.float64))
    ways = np.concatenate([local, np.ones((height, width, 1))], axis=-1)
    ways /= np.linalg.norm(ways, axis=-1, keepdims=True)
    return np.ascontiguousarray(ways @ camera.rotation)


def find_tiles(
    camera: Camera, body: Flesh
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], FloatArray]:
    """Divide the picture into tiles and say which capsules may show in which.

    Returns:
        (N, 2) left and top of the tiles that are not empty [px], (N,) number of capsules, (N, C)
        their rows in ascending order, (N,) depth at which marching may start [m].
    """
    width, height = camera.size
    columns, rows = -(-width // TILE), -(-height // TILE)
    starts, ends = body.ends
    # A long capsule is cut up: its picture is bounded by the discs of points along it.
    along = np.linspace(0.0, 1.0, 7)[:, None, None]
    points = starts + along * (ends - starts)
    radius = body.capsules[:, 7] + along[..., 0] * body.capsules[:, 8] + 0.010
    depth = camera.transform(points)[..., 2]
    pixels = camera.project(points)
    known = np.isfinite(pixels).all(axis=-1) & (depth > 0.05)
    disc = radius * camera.focal / np.maximum(depth, 0.05) * 1.15
    gap = np.linalg.norm(ends - starts, axis=1) / 12 * camera.focal / np.maximum(depth, 0.05)
    reach = disc + gap + 0.75 * TILE
    grid = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).reshape(-1, 2)
    centres = TILE * (grid + 0.5)
    apart = np.linalg.norm(centres[:, None, None] - np.nan_to_num(pixels), axis=-1)
    touches = (apart < reach) & known
    present = touches.any(axis=1)
    used = np.flatnonzero(present.any(axis=1))
    distance = np.linalg.norm(points - camera.centre, axis=-1) - radius - 0.02
    near = np.where(touches[used], distance, np.inf).min(axis=(1, 2))
    chosen = np.argsort(~present[used], axis=1, kind='stable')
    counts = present[used].sum(axis=1)
    return TILE * grid[used], counts, chosen, np.maximum(near, 0.02)
