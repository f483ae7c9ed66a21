"""The inner loops of the renderer, compiled: distances to flesh, ray marching, boxes, light.

Rays start in the camera's centre; `depth` is the way along a ray [m]. Flesh is the zero surface of
a signed distance: capsules of one finger joined softly, then fingers and palm (polynomial smooth
minimum). Sphere tracing after Hart 1996.
"""

import math

from numba import njit

NOTHING = 1e9
HIT = 0.0003
STRIDE = 0.92
"""Part of the distance that a step goes: a tapered capsule's distance is slightly overestimated."""

STEPS = 64
EPSILON = 0.0008
PALM_BLEND, FINGER_BLEND, KNUCKLE_BLEND = 0.014, 0.004, 0.009
SHADE_REACH = 0.10
"""Points of the scene further than this from the flesh are not shaded by it [m]."""

OPTIONS = {'fastmath': True, 'cache': True, 'nogil': True}


@njit(inline='always', **OPTIONS)
def smooth_minimum(a, b, width):
    """Join two distances with a fillet of some width [m]."""
    h = max(width - abs(a - b), 0.0) / width
    return min(a, b) - 0.25 * h * h * width


@njit(inline='always', **OPTIONS)
def capsule_distance(x, y, z, capsule):
    """Return the distance to a tapered capsule, and how far along it (0..1) the nearest point is."""
    dx, dy, dz = x - capsule[0], y - capsule[1], z - capsule[2]
    along = (dx * capsule[3] + dy * capsule[4] + dz * capsule[5]) * capsule[6]
    along = min(max(along, 0.0), 1.0)
    dx -= along * capsule[3]
    dy -= along * capsule[4]
    dz -= along * capsule[5]
    return math.sqrt(dx * dx + dy * dy + dz * dz) - capsule[7] - along * capsule[8], along


@njit(**OPTIONS)
def flesh_distance(x, y, z, capsules, group, chosen, count):
    """Return the signed distance to the flesh of the first `count` chosen capsules, in the order of their groups."""
    palm = best = finger = NOTHING
    now = -1
    for i in range(count):
        row = chosen[i]
        distance, _ = capsule_distance(x, y, z, capsules[row])
        if group[row] == 0:
            palm = smooth_minimum(palm, distance, PALM_BLEND)
            continue
        if group[row] != now:
            best, finger, now = min(best, finger), NOTHING, group[row]
        finger = smooth_minimum(finger, distance, FINGER_BLEND)
    return smooth_minimum(palm, min(best, finger), KNUCKLE_BLEND)


@njit(**OPTIONS)
def march(centre, ray, start, end, capsules, group, chosen, count):
    """Return the depth at which a ray meets the flesh, NOTHING where it doesn't."""
    depth = start
    for _ in range(STEPS):
        distance = flesh_distance(
            centre[0] + depth * ray[0],
            centre[1] + depth * ray[1],
            centre[2] + depth * ray[2],
            capsules,
            group,
            chosen,
            count,
        )
        if distance < HIT:
            return depth
        depth += STRIDE * distance
        if depth > end:
            break
    return NOTHING


@njit(**OPTIONS)
def flesh_normal(x, y, z, capsules, group, chosen, count):
    """Return the unit normal by central differences."""
    e = EPSILON
    nx = flesh_distance(x + e, y, z, capsules, group, chosen, count) - flesh_distance(
        x - e, y, z, capsules, group, chosen, count
    )
    ny = flesh_distance(x, y + e, z, capsules, group, chosen, count) - flesh_distance(
        x, y - e, z, capsules, group, chosen, count
    )
    nz = flesh_distance(x, y, z + e, capsules, group, chosen, count) - flesh_distance(
        x, y, z - e, capsules, group, chosen, count
    )
    length = math.sqrt(nx * nx + ny * ny + nz * nz) + 1e-12
    return nx / length, ny / length, nz / length


@njit(**OPTIONS)
def nearest_capsule(x, y, z, capsules, chosen, count):
    """Return the row of the nearest capsule and how far along it the nearest point is."""
    best, row, place = NOTHING, 0, 0.0
    for i in range(count):
        distance, along = capsule_distance(x, y, z, capsules[chosen[i]])
        if distance < best:
            best, row, place = distance, chosen[i], along
    return row, place


@njit(**OPTIONS)
def openness(x, y, z, nx, ny, nz, capsules, group, chosen, count):
    """Return how open the surface is to the light of the room, 1 free to 0 buried (two probes along the normal)."""
    closed, weight = 0.0, 1.0
    for probe in range(1, 3):
        reach = 0.008 * probe
        distance = flesh_distance(
            x + reach * nx, y + reach * ny, z + reach * nz, capsules, group, chosen, count
        )
        closed += weight * max(0.0, reach - distance) / reach
        weight *= 0.6
    return max(0.0, 1.0 - 0.55 * closed)


@njit(**OPTIONS)
def sunlight(x, y, z, lamp, capsules, group, chosen, count):
    """Return how much of the lamp a point sees past the flesh, 1 all to 0 none, with a soft edge."""
    seen, way = 1.0, 0.006
    for _ in range(10):
        distance = flesh_distance(
            x + way * lamp[0], y + way * lamp[1], z + way * lamp[2], capsules, group, chosen, count
        )
        seen = min(seen, 0.5 + 0.5 * distance / (0.12 * way))
        if seen < 0.0:
            return 0.0
        way += min(max(distance, 0.006), 0.04)
        if way > 0.2:
            break
    return seen * seen * (3.0 - 2.0 * seen)


@njit(**OPTIONS)
def hit_boxes(rays, centre, low, high, candidates, rows, columns, depth, normal, box):
    """Find what boxes the rays of a part of the picture meet first.

    Args:
        rays: (h, w, 3).
        centre: (3,).
        low: (B, 3) corners [m].
        high: (B, 3).
        candidates: (N,) boxes that may be met.
        rows: (2,) half-open range.
        columns: (2,).
        depth: (h, w) out, NOTHING where no box is met.
        normal: (h, w, 3) out.
        box: (h, w) out, -1 where no box is met.
    """
    for y in range(rows[0], rows[1]):
        for x in range(columns[0], columns[1]):
            depth[y, x], box[y, x] = NOTHING, -1
            for b in candidates:
                near, far, axis, met = -NOTHING, NOTHING, 0, True
                for a in range(3):
                    way = rays[y, x, a]
                    if abs(way) < 1e-9:
                        met = low[b, a] <= centre[a] <= high[b, a]
                    else:
                        t0, t1 = (low[b, a] - centre[a]) / way, (high[b, a] - centre[a]) / way
                        if t0 > t1:
                            t0, t1 = t1, t0
                        if t0 > near:
                            near, axis = t0, a
                        far = min(far, t1)
                        met = near <= far
                    if not met:
                        break
                if met and 1e-3 < near < depth[y, x]:
                    depth[y, x], box[y, x] = near, b
                    normal[y, x, 0] = normal[y, x, 1] = normal[y, x, 2] = 0.0
                    normal[y, x, axis] = -1.0 if rays[y, x, axis] > 0 else 1.0


@njit(inline='always', **OPTIONS)
def light_up(colour, nx, ny, nz, ray, lamp, lit, opened, wrap, gloss, power, out):
    """Light a surface: a warm lamp, a cool window from the far right, the room; `wrap` lets light round edges."""
    facing = nx * lamp[0] + ny * lamp[1] + nz * lamp[2]
    direct = 0.95 * lit * max(0.0, (facing + wrap) / (1.0 + wrap))
    window = 0.28 * opened * max(0.0, 0.65 * nx + 0.54 * ny + 0.54 * nz)
    room = opened * (0.33 + 0.11 * nz)
    hx, hy, hz = lamp[0] - ray[0], lamp[1] - ray[1], lamp[2] - ray[2]
    length = math.sqrt(hx * hx + hy * hy + hz * hz)
    shine = max(0.0, (nx * hx + ny * hy + nz * hz) / length)
    shine = gloss * lit * shine**power
    out[0] = colour[0] * (direct + 0.85 * window + 0.95 * room) + shine
    out[1] = colour[1] * (0.96 * direct + 0.92 * window + 0.97 * room) + shine
    out[2] = colour[2] * (0.90 * direct + window + room) + shine


@njit(**OPTIONS)
def light_boxes(colour, normal, rays, lamp, out):
    """Light a picture of boxes without any flesh: (h, w, 3) colours and normals to linear RGB in `out`."""
    for y in range(colour.shape[0]):
        for x in range(colour.shape[1]):
            n = normal[y, x]
            light_up(
                colour[y, x], n[0], n[1], n[2], rays[y, x], lamp, 1.0, 1.0, 0.0, 0.1, 50.0, out[y, x]
            )  # fmt: skip


@njit(inline='always', **OPTIONS)
def skin_colour(x, y, z, outward, part, along, tone, out):
    """Give flesh its colour: slightly mottled, redder at joints and finger ends, nails on the last bones.

    Args:
        x, y, z: place [m].
        outward: cosine between the normal and the back of the hand.
        part: `flesh.Part`.
        along: place on the bone, 0..1.
        tone: (3,) linear RGB.
        out: (3,) linear RGB.
    """
    mottle = math.sin(310 * x + 170 * y + 90 * z + 2 * math.sin(260 * y - 90 * x + 140 * z))
    pale = 0.975 - 0.025 * mottle + 0.12 * max(0.0, -outward)
    red = 0.0
    if part >= 2:
        red = 0.5 * math.exp(-((along / 0.16) ** 2))
        if part < 4:
            red += 0.5 * math.exp(-(((along - 1.0) / 0.16) ** 2))
        else:
            red += 0.8 * max(0.0, along - 0.5)
    out[0] = tone[0] * pale * (1.0 - 0.04 * red)
    out[1] = tone[1] * pale * (1.0 - 0.20 * red)
    out[2] = tone[2] * pale * (1.0 - 0.20 * red)
    if part == 4 and 0.45 < along < 0.98 and outward > 0.55:
        for c in range(3):
            out[c] = 0.9 * out[c] + 0.08


@njit(**OPTIONS)
def draw_flesh(
    tiles, counts, chosen, near, side, rays, centre, capsules, group, part, back, tone, lamp, depth, image, mask
):  # fmt: skip
    """Draw one hand into the tiles it may appear in.

    Args:
        tiles: (N, 2) left and top [px].
        counts: (N,) how many capsules matter in a tile.
        chosen: (N, C) which.
        near: (N,) where to start marching [m].
        side: edge of a tile [px].
        rays, centre: of the camera.
        capsules, group, part, back: of `flesh.Flesh`.
        tone: (3,) linear RGB of the skin.
        lamp: (3,) unit vector to the lamp.
        depth: (h, w) of what is drawn already; updated.
        image: (h, w, 3) linear RGB; updated.
        mask: (h, w) set to 1 where flesh is drawn.
    """
    colour = image[0, 0].copy()
    height, width = depth.shape
    for n in range(len(tiles)):
        for y in range(tiles[n, 1], min(tiles[n, 1] + side, height)):
            for x in range(tiles[n, 0], min(tiles[n, 0] + side, width)):
                ray = rays[y, x]
                s = march(centre, ray, near[n], depth[y, x], capsules, group, chosen[n], counts[n])
                if s >= depth[y, x]:
                    continue
                px, py, pz = centre[0] + s * ray[0], centre[1] + s * ray[1], centre[2] + s * ray[2]
                nx, ny, nz = flesh_normal(px, py, pz, capsules, group, chosen[n], counts[n])
                row, along = nearest_capsule(px, py, pz, capsules, chosen[n], counts[n])
                opened = openness(px, py, pz, nx, ny, nz, capsules, group, chosen[n], counts[n])
                lit = sunlight(
                    px + 0.002 * nx, py + 0.002 * ny, pz + 0.002 * nz,
                    lamp, capsules, group, chosen[n], counts[n],
                )  # fmt: skip
                outward = nx * back[0] + ny * back[1] + nz * back[2]
                skin_colour(px, py, pz, outward, part[row], along, tone, colour)
                light_up(colour, nx, ny, nz, ray, lamp, lit, opened, 0.25, 0.05, 18.0, image[y, x])
                depth[y, x], mask[y, x] = s, 1


@njit(**OPTIONS)
def shade_scene(
    left, top, right, bottom, rays, centre, low, high, capsules, group, lamp, depth, normal, mask, image
):  # fmt: skip
    """Darken what is not flesh where flesh is near it or between it and the lamp.

    Args:
        left, top, right, bottom: part of the picture to look at [px].
        rays, centre: of the camera.
        low, high: (3,) corners of the space that the flesh shades [m].
        capsules, group: of `flesh.Flesh`.
        lamp: (3,) unit vector to the lamp.
        depth: (h, w) [m].
        normal: (h, w, 3) of the scene.
        mask: (h, w) 1 = flesh, left alone.
        image: (h, w, 3) linear RGB; updated.
    """
    count = len(capsules)
    everything = group * 0
    for i in range(count):
        everything[i] = i
    for y in range(top, bottom):
        for x in range(left, right):
            s = depth[y, x]
            if mask[y, x] == 1 or s >= NOTHING:
                continue
            ray, n = rays[y, x], normal[y, x]
            px, py, pz = centre[0] + s * ray[0], centre[1] + s * ray[1], centre[2] + s * ray[2]
            if not (low[0] < px < high[0] and low[1] < py < high[1] and low[2] < pz < high[2]):
                continue
            if flesh_distance(px, py, pz, capsules, group, everything, count) > SHADE_REACH:
                continue
            opened = openness(px, py, pz, n[0], n[1], n[2], capsules, group, everything, count)
            lit = sunlight(
                px + 0.002 * n[0], py + 0.002 * n[1], pz + 0.002 * n[2],
                lamp, capsules, group, everything, count,
            )  # fmt: skip
            # About 60 % of the light on the keys is the lamp's.
            factor = (0.4 + 0.6 * lit) * (0.5 + 0.5 * opened)
            for c in range(3):
                image[y, x, c] *= factor
