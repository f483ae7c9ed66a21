import pytest
from rosbags.rosbag2 import Reader

from pianokpm_ros.recording.reader import read_raw
from pianokpm_ros.recording.topic_recorder import EARLY, TopicRecorder
from pianokpm_ros.recording.writer import RecordingError

TYPE = 'std_msgs/msg/String'
SECOND = 1_000_000_000


WORD = b'\x00\x01\x00\x00\x02\x00\x00\x00a\x00'


def write(recorder, count, first=1):
    for i in range(first, first + count):
        recorder.write('/words', TYPE, WORD, i * SECOND)


def test_bytes_are_kept_as_they_came(tmp_path):
    recorder = TopicRecorder(str(tmp_path / 'bag'), 1)
    write(recorder, 3)
    recorder.close()
    assert recorder.counts == {'/words': 3} and recorder.error == ''
    found = list(read_raw(tmp_path / 'bag'))
    assert [(topic, log) for topic, _, _, log in found] == [
        ('/words', i * SECOND) for i in (1, 2, 3)
    ]
    assert {data for *_, data, _ in found} == {WORD}


def test_a_disk_that_fills_up_closes_the_bag_and_is_told(tmp_path, monkeypatch, caplog):
    recorder = TopicRecorder(str(tmp_path / 'bag'), 1)
    write(recorder, 3)
    free = type('Usage', (), {'free': 0})
    monkeypatch.setattr('shutil.disk_usage', lambda _: free)
    write(recorder, 4, first=4)
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
    write(recorder, 2, first=2)
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


def test_what_comes_before_simulated_time_begins_is_dated_with_its_beginning(tmp_path):
    recorder = TopicRecorder(str(tmp_path / 'bag'), 1)
    for _ in range(EARLY + 2):
        recorder.write('/words', TYPE, WORD, 0)
    assert recorder.counts == {} and recorder.early == EARLY and recorder.lost == 2
    recorder.write('/more', TYPE, WORD, 5 * SECOND, latched=True)
    recorder.close()
    times = {log for *_, log in read_raw(tmp_path / 'bag')}
    assert times == {5 * SECOND} and recorder.counts == {'/words': EARLY, '/more': 1}
    with Reader(tmp_path / 'bag') as reader:
        assert reader.start_time == 5 * SECOND


def test_without_any_time_what_came_is_counted_as_lost(tmp_path, caplog):
    recorder = TopicRecorder(str(tmp_path / 'bag'), 1)
    recorder.write('/words', TYPE, WORD, 0)
    recorder.close()
    assert recorder.lost == 1 and '1 messages waited for time to begin' in caplog.text
