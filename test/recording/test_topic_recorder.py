import pytest
from rosbags.rosbag2 import Reader

from pianokpm_ros.recording.reader import read_raw
from pianokpm_ros.recording.topic_recorder import TopicRecorder
from pianokpm_ros.recording.writer import RecordingError

TYPE = 'std_msgs/msg/String'
SECOND = 1_000_000_000


def write(recorder, count, first=0):
    for i in range(first, first + count):
        recorder.write('/words', TYPE, b'\x00\x01\x00\x00\x02\x00\x00\x00a\x00', i * SECOND)


def test_bytes_are_kept_as_they_came(tmp_path):
    recorder = TopicRecorder(str(tmp_path / 'bag'), 1)
    write(recorder, 3)
    recorder.close()
    assert recorder.counts == {'/words': 3} and recorder.error == ''
    found = list(read_raw(tmp_path / 'bag'))
    assert [(topic, log) for topic, _, _, log in found] == [
        ('/words', i * SECOND) for i in range(3)
    ]
    assert {data for *_, data, _ in found} == {b'\x00\x01\x00\x00\x02\x00\x00\x00a\x00'}


def test_a_disk_that_fills_up_closes_the_bag_and_is_told(tmp_path, monkeypatch, caplog):
    recorder = TopicRecorder(str(tmp_path / 'bag'), 1)
    write(recorder, 3)
    free = type('Usage', (), {'free': 0})
    monkeypatch.setattr('shutil.disk_usage', lambda _: free)
    write(recorder, 4, first=3)
    assert 'left on the disk' in recorder.error and recorder.lost >= 3
    assert 'recording stops' in caplog.text
    assert (tmp_path / 'bag' / 'metadata.yaml').is_file()
    # The message that met the limit may have been written before it was noticed.
    assert 3 <= len(list(read_raw(tmp_path / 'bag'))) <= 4


def test_a_disk_that_breaks_does_not_take_the_node_with_it(tmp_path, monkeypatch):
    recorder = TopicRecorder(str(tmp_path / 'bag'), 1)
    write(recorder, 1)

    def fail(*_, **__):
        raise RecordingError('the bag: Input/output error')

    monkeypatch.setattr(recorder._bag, 'write', fail)
    write(recorder, 2, first=1)
    assert 'Input/output error' in recorder.error and recorder.lost == 2
    recorder.close()


def test_a_next_file_that_can_not_be_begun_leaves_a_closed_bag(tmp_path):
    recorder = TopicRecorder(str(tmp_path / 'bag'), 1, split_duration=2 * SECOND)
    (tmp_path / 'bag' / 'bag_1.mcap').mkdir()
    write(recorder, 4)
    assert 'exists; what was recorded so far is kept' in recorder.error
    assert recorder.counts == {'/words': 2} and recorder.lost == 2
    (tmp_path / 'bag' / 'bag_1.mcap').rmdir()
    with Reader(tmp_path / 'bag') as reader:
        assert reader.message_count == 2 and len(list(reader.messages())) == 2


def test_an_existing_folder_is_refused_unless_the_cameras_made_it(tmp_path):
    (tmp_path / 'bag' / 'videos').mkdir(parents=True)
    TopicRecorder(str(tmp_path / 'bag')).close()
    with pytest.raises(RecordingError, match='exists'):
        TopicRecorder(str(tmp_path))
