"""Hands and muscles as the markers that RViz, Foxglove and others draw."""

from collections.abc import Iterator

import numpy as np
from geometry_msgs.msg import Point, Pose, Quaternion, Vector3
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from pianokpm_ros.anatomy import BONES, Status
from pianokpm_ros.nodes.sensor_messages import make_header
from pianokpm_ros.records import HandPose, MuscleActivity
from pianokpm_ros.view.muscle_shapes import place_spindles
from pianokpm_ros.view.palette import SIDE_COLOURS, Rgb, activity_colour, label_estimate

FloatArray = NDArray[np.floating]

LIFE = 0.3
"""Markers that are not sent again vanish after this [s]."""

JOINT, BONE, LETTER = 0.008, 0.004, 0.012
"""Diameter of joints and bones, height of letters [m]."""

ABOVE = 0.10
"""How far above the wrist the label stands [m]."""


def make_markers(
    pose: HandPose, activity: MuscleActivity | None, full_scale: float
) -> MarkerArray:
    """Return the markers of one hand; none where it is not known.

    Args:
        pose: where it is.
        activity: newest estimate of the same hand, None = none that is fresh.
        full_scale: activation that gets the brightest colour.
    """
    points = np.asarray(pose.landmarks, float)
    if pose.status < Status.DEGRADED or not np.isfinite(points).all():
        return MarkerArray()
    made = [_joints(pose, points), _bones(pose, points)]
    if activity is not None:
        made += [*_muscles(pose, points, activity, full_scale), _label(pose, points, activity)]
    return MarkerArray(markers=made)


def _marker(pose: HandPose, name: str, kind: int, number: int = 0) -> Marker:
    marker = Marker(
        header=make_header(pose.stamp, pose.frame_id),
        ns=f'{pose.side.label}/{name}',
        id=number,
        type=kind,
        action=Marker.ADD,
    )
    marker.lifetime.nanosec = round(LIFE * 1e9)
    marker.pose.orientation.w = 1.0
    return marker


def _joints(pose: HandPose, points: FloatArray) -> Marker:
    marker = _marker(pose, 'joints', Marker.SPHERE_LIST)
    marker.scale = Vector3(x=JOINT, y=JOINT, z=JOINT)
    marker.color = _colour(SIDE_COLOURS[pose.side])
    marker.points = [_point(p) for p in points]
    return marker


def _bones(pose: HandPose, points: FloatArray) -> Marker:
    marker = _marker(pose, 'bones', Marker.LINE_LIST)
    marker.scale.x = BONE
    marker.color = _colour(SIDE_COLOURS[pose.side], 1.0 if pose.status == Status.OK else 0.5)
    marker.points = [_point(points[i]) for bone in BONES for i in bone]
    return marker


def _muscles(
    pose: HandPose, points: FloatArray, activity: MuscleActivity, full_scale: float
) -> Iterator[Marker]:
    usable = activity.status >= Status.DEGRADED
    spindles = place_spindles(points, pose.side, activity.muscle)
    for i, (name, row) in enumerate(zip(activity.muscle, spindles, strict=True)):
        if not np.isfinite(row).all():
            continue
        value = float(activity.activation[i]) / full_scale if usable else float('nan')
        marker = _marker(pose, f'muscles/{name}', Marker.SPHERE, i)
        marker.pose, length = _along(row[:3], row[3:6])
        marker.scale = Vector3(x=1.1 * length, y=2 * row[6], z=2 * row[6])
        marker.color = _colour(activity_colour(value), 0.9 if value == value else 0.35)
        yield marker


def _label(pose: HandPose, points: FloatArray, activity: MuscleActivity) -> Marker:
    marker = _marker(pose, 'label', Marker.TEXT_VIEW_FACING)
    marker.pose.position = _point(points[0] + [0, 0, ABOVE])
    marker.scale.z = LETTER
    marker.color = ColorRGBA(r=0.8, g=0.8, b=0.8, a=1.0)
    words = label_estimate(activity.simulated_training)
    marker.text = f'{pose.side.label} {activity.status.name}, {words}'
    return marker


def _along(start: FloatArray, end: FloatArray) -> tuple[Pose, float]:
    """Return the pose in the middle whose x axis goes from start to end, and their distance [m]."""
    along = end - start
    length = float(np.linalg.norm(along))
    turn = Rotation.align_vectors([along], [[1.0, 0.0, 0.0]])[0] if length else Rotation.identity()
    x, y, z, w = (float(v) for v in turn.as_quat())
    return Pose(
        position=_point((start + end) / 2), orientation=Quaternion(x=x, y=y, z=z, w=w)
    ), length


def _point(place: FloatArray) -> Point:
    x, y, z = (float(v) for v in place)
    return Point(x=x, y=y, z=z)


def _colour(colour: Rgb, alpha: float = 1.0) -> ColorRGBA:
    red, green, blue = (c / 255 for c in colour)
    return ColorRGBA(r=red, g=green, b=blue, a=alpha)
