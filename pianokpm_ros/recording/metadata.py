"""`metadata.yaml` of a bag, as rosbag2 writes it (version 9, Jazzy)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from pianokpm_ros.recording.bag_file import FileContent
from pianokpm_ros.recording.schemas import definition

FOREVER = {'sec': 9223372036, 'nsec': 854775807}


@dataclass(frozen=True)
class TopicInfo:
    """What a bag says about a topic.

    Attributes:
        datatype: such as `pianokpm/msg/HandPose`.
        latched: late subscribers get the last message.
    """

    datatype: str
    latched: bool = False

    @property
    def profiles(self) -> list[dict[str, Any]]:
        """Offered qualities of service; empty = the default of whoever plays the bag."""
        if not self.latched:
            return []
        return [
            {
                'history': 'keep_last',
                'depth': 1,
                'reliability': 'reliable',
                'durability': 'transient_local',
                'deadline': FOREVER,
                'lifespan': FOREVER,
                'liveliness': 'automatic',
                'liveliness_lease_duration': FOREVER,
                'avoid_ros_namespace_conventions': False,
            }
        ]

    @property
    def profiles_text(self) -> str:
        """The same as YAML, for the channels of an MCAP file."""
        return dump(self.profiles) if self.latched else ''


class _Dumper(yaml.SafeDumper):
    """Without anchors: rosbag2's reader is tested with plain YAML."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def dump(content: Any) -> str:
    """Turn into YAML."""
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False)


def describe_bag(topics: Mapping[str, TopicInfo], files: Sequence[FileContent]) -> dict[str, Any]:
    """Make the content of `metadata.yaml`."""
    filled = [f for f in files if f.first is not None]
    start = min((f.first for f in filled), default=0)
    end = max((f.last for f in filled), default=0)
    info = {
        'version': 9,
        'storage_identifier': 'mcap',
        'duration': {'nanoseconds': max(end - start, 0)},
        'starting_time': {'nanoseconds_since_epoch': start},
        'message_count': sum(f.total for f in files),
        'topics_with_message_count': [_describe_topic(n, t, files) for n, t in topics.items()],
        'compression_format': '',
        'compression_mode': '',
        'relative_file_paths': [f.path.name for f in files],
        'files': [
            {
                'path': f.path.name,
                'starting_time': {'nanoseconds_since_epoch': f.first or 0},
                'duration': {'nanoseconds': f.duration},
                'message_count': f.total,
            }
            for f in files
        ],
        'custom_data': None,
        'ros_distro': 'jazzy',
    }
    return {'rosbag2_bagfile_information': info}


def _describe_topic(name: str, topic: TopicInfo, files: Sequence[FileContent]) -> dict[str, Any]:
    return {
        'topic_metadata': {
            'name': name,
            'type': topic.datatype,
            'serialization_format': 'cdr',
            'offered_qos_profiles': topic.profiles,
            'type_description_hash': definition(topic.datatype)[1],
        },
        'message_count': sum(f.counts.get(name, 0) for f in files),
    }
