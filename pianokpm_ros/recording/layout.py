"""What lies in a bag's folder, and how."""

RIG = 'rig.yaml'
"""Calibration of the cameras that were recorded."""

VIDEOS = 'videos'
"""Folder of what the cameras filmed: `<camera>.mp4` and `<camera>.csv` each."""

LATCHED_TYPES = ('sensor_msgs/msg/CameraInfo', 'builtin_interfaces/msg/Time')
"""Types whose topics keep their last message for late subscribers."""
