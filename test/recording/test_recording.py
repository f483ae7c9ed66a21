import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import yaml
from mcap.reader import make_reader
from rosbags.highlevel import AnyReader

from pianokpm_ros.recording.reader import read_bag, read_raw
from pianokpm_ros.recording.writer import BagWriter, RecordingError

from ..messages.examples import make_all, make_landmarks

SECOND = 1_000_000_000


def write_some(path, count=4):
    rng = np.random.default_rng(0)
    with BagWriter(path) as bag:
        for i in range(count):
            for record in make_all(rng, 2):
                bag.write_record(f'/{type(record).__name__}', record, i * SECOND)
    return bag


def test_both_public_readers_find_every_message(tmp_path):
    bag = write_some(tmp_path / 'bag')
    assert bag.counts == {
        f'/{n}': 4
        for n in ('HandLandmarks', 'HandPose', 'KeyMotion', 'EmgBlock', 'MuscleActivity')
    }
    with bag.file.open('rb') as stream:
        assert sum(1 for _ in make_reader(stream).iter_messages()) == 20
    # Opens only where each definition inside the bag has the hash that metadata.yaml says, as ROS 2 hashes types.
    with AnyReader([tmp_path / 'bag']) as reader:
        assert {c.topic: c.msgcount for c in reader.connections} == bag.counts
        read = [reader.deserialize(data, c.msgtype) for c, _, data in reader.messages()]
    assert sum(len(m.muscle) == 6 for m in read if hasattr(m, 'activation')) == 4
    assert len(list(read_bag(tmp_path / 'bag'))) == 20
    assert len(list(read_bag(tmp_path / 'bag', {'/HandPose'}))) == 4


def test_a_bag_can_be_read_from_its_first_moment_on(tmp_path):
    bag = BagWriter(tmp_path / 'bag')
    assert list(read_bag(tmp_path / 'bag')) == []
    bag.close()


def test_an_existing_folder_is_never_overwritten(tmp_path):
    write_some(tmp_path / 'bag')
    with pytest.raises(RecordingError, match='exists'):
        BagWriter(tmp_path / 'bag')


def test_a_full_disk_stops_before_it_is_full(tmp_path):
    with pytest.raises(RecordingError, match='left on the disk, .*; make room'):
        BagWriter(tmp_path / 'bag', free_space=10**18)
    assert not list(tmp_path.iterdir()), 'an empty folder would refuse the next recording'


def test_no_bag_and_no_mcap_are_named(tmp_path):
    with pytest.raises(RecordingError, match='no .mcap'):
        list(read_bag(tmp_path))
    with pytest.raises(RecordingError, match='is not there'):
        list(read_bag(tmp_path / 'none'))
    (tmp_path / 'x.mcap').write_bytes(b'something else entirely, long enough to read')
    with pytest.raises(RecordingError, match='no MCAP'):
        list(read_bag(tmp_path / 'x.mcap'))
    (tmp_path / 'empty.mcap').touch()
    with pytest.raises(RecordingError, match='ends at once'):
        list(read_bag(tmp_path / 'empty.mcap'))


def test_a_truncated_bag_gives_what_is_there(tmp_path, caplog):
    bag = write_some(tmp_path / 'bag')
    data = bag.file.read_bytes()
    (tmp_path / 'cut.mcap').write_bytes(data[: int(len(data) * 0.4)])
    found = list(read_raw(tmp_path / 'cut.mcap'))
    assert 1 <= len(found) < 20
    (words,) = caplog.messages
    assert 'breaks off' in words and words.endswith(': the next one is cut')


def test_a_killed_recorder_loses_at_most_a_second(tmp_path):
    script = textwrap.dedent(f"""
        import time
        import numpy as np
        from pianokpm_ros.recording.writer import BagWriter
        from test.messages.examples import make_landmarks
        rng, bag = np.random.default_rng(0), BagWriter({str(tmp_path / 'bag')!r})
        while True:
            now = time.time_ns()
            bag.write_record('/top/hands', make_landmarks(rng, 1), now)
            print(now, flush=True)
            time.sleep(0.01)
    """)
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    process = subprocess.Popen(
        [sys.executable, '-c', script], stdout=subprocess.PIPE, text=True, cwd=root
    )
    written = [int(process.stdout.readline()) for _ in range(150)]
    process.send_signal(signal.SIGKILL)
    written += [int(line) for line in process.stdout.read().split()]
    kept = [time for *_, time in read_raw(tmp_path / 'bag')]
    assert kept == written[: len(kept)] and len(kept) > 50
    assert written[-1] - kept[-1] <= SECOND


def test_stamps_default_to_the_records_own(tmp_path):
    record = make_landmarks(np.random.default_rng(0), 1)
    with BagWriter(tmp_path / 'bag') as bag:
        bag.write_record('/top/hands', record)
    ((_, again, log_time),) = read_bag(tmp_path / 'bag')
    assert (again.stamp, log_time) == (record.stamp, record.publish_stamp)


WORD = b'\x00\x01\x00\x00\x02\x00\x00\x00a\x00'


def test_when_a_message_was_sent_is_kept_beside_when_it_came(tmp_path):
    with BagWriter(tmp_path / 'bag') as bag:
        bag.write('/words', 'std_msgs/msg/String', WORD, 7 * SECOND, 5 * SECOND)
        bag.write('/words', 'std_msgs/msg/String', WORD, 8 * SECOND)
    with bag.file.open('rb') as stream:
        times = [(m.log_time, m.publish_time) for *_, m in make_reader(stream).iter_messages()]
    assert times == [(7 * SECOND, 5 * SECOND), (8 * SECOND, 8 * SECOND)]


def test_a_clock_that_was_set_back_does_not_keep_messages_from_the_disk(tmp_path):
    bag = BagWriter(tmp_path / 'bag')
    for time in (100, 1, 2):
        bag.write('/words', 'std_msgs/msg/String', WORD, time * SECOND)
    # As a killed recorder leaves it.
    assert [t // SECOND for *_, t in read_raw(tmp_path / 'bag')] == [100, 1, 2]
    bag.close()


def test_a_bag_says_when_each_of_its_files_begins_and_how_long_it_is(tmp_path):
    with BagWriter(tmp_path / 'bag', split_duration=2 * SECOND) as bag:
        for topic, time in (('/a', 4), ('/b', 3), ('/a', 5), ('/a', 6), ('/a', 9)):
            bag.write(topic, 'std_msgs/msg/String', WORD, time * SECOND)
    content = yaml.safe_load((tmp_path / 'bag' / 'metadata.yaml').read_text())
    info = content['rosbag2_bagfile_information']
    assert info['starting_time']['nanoseconds_since_epoch'] == 3 * SECOND
    assert (info['duration']['nanoseconds'], info['message_count']) == (6 * SECOND, 5)
    topics = {
        t['topic_metadata']['name']: t['message_count'] for t in info['topics_with_message_count']
    }
    assert topics == {'/a': 4, '/b': 1}
    files = [
        (f['path'], f['starting_time']['nanoseconds_since_epoch'] // SECOND,
         f['duration']['nanoseconds'] // SECOND, f['message_count'])
        for f in info['files']
    ]  # fmt: skip
    assert files == [('bag_0.mcap', 3, 1, 2), ('bag_1.mcap', 5, 1, 2), ('bag_2.mcap', 9, 0, 1)]
