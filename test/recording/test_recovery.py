import argparse
import logging
import os
import re
import sqlite3
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from mcap.reader import make_reader
from mcap.writer import CompressionType, Writer
from rosbags.rosbag2 import Reader

from pianokpm_ros.commands import recover
from pianokpm_ros.recording.reader import read_bag, read_raw
from pianokpm_ros.recording.recovery import recover_bag
from pianokpm_ros.recording.salvage import Damage, read_damaged
from pianokpm_ros.recording.schemas import definition
from pianokpm_ros.recording.writer import BagWriter, RecordingError

from ..messages.examples import make_all

SECOND = 1_000_000_000


def write_some(path, count=20, **options):
    rng = np.random.default_rng(0)
    with BagWriter(path, **options) as bag:
        for i in range(count):
            for record in make_all(rng, 2):
                bag.write_record(f'/{type(record).__name__}', record, i * SECOND)
    return bag


def test_a_bag_is_split_by_size_and_both_readers_read_all_files(tmp_path):
    bag = write_some(tmp_path / 'bag', split_size=20_000)
    assert len(bag.files) > 3
    assert all(f.stat().st_size < 40_000 for f in bag.files)
    with Reader(tmp_path / 'bag') as reader:
        assert reader.message_count == len(list(reader.messages())) == 100
    assert [t for *_, t in read_bag(tmp_path / 'bag')] == [
        i * SECOND for i in range(20) for _ in range(5)
    ]


def test_a_bag_is_split_by_time(tmp_path):
    bag = write_some(tmp_path / 'bag', split_duration=5 * SECOND)
    assert len(bag.files) == 4
    with bag.files[1].open('rb') as stream:
        times = [m.log_time for _, _, m in make_reader(stream).iter_messages()]
    assert (min(times), max(times)) == (5 * SECOND, 9 * SECOND)


def test_ten_files_are_read_in_their_order(tmp_path):
    write_some(tmp_path / 'bag', count=12, split_duration=SECOND)
    times = [t for *_, t in read_raw(tmp_path / 'bag')]
    assert times == sorted(times) and len(times) == 60


def test_a_bag_here_and_one_in_a_result_are_found(tmp_path, monkeypatch, capsys):
    write_some(tmp_path / 'result' / 'bag')
    parser = argparse.ArgumentParser()
    recover.add_arguments(parser)
    words = [str(tmp_path / 'result'), '-o', str(tmp_path / 'new')]
    assert recover.run(parser.parse_args(words)) == 0
    assert '100 messages of 5 topics' in capsys.readouterr().out
    monkeypatch.chdir(tmp_path / 'result' / 'bag')
    assert recover_bag('.').path == tmp_path / 'result' / 'bag_recovered'


def test_a_latched_topic_says_so_to_players(tmp_path):
    with BagWriter(tmp_path / 'bag') as bag:
        bag.write('/once', 'std_msgs/msg/String', b'\0\1\0\0\1\0\0\0\0', 1, latched=True)
    with Reader(tmp_path / 'bag') as reader:
        (connection,) = reader.connections
        (profile,) = connection.ext.offered_qos_profiles
        assert profile.durability.name == 'TRANSIENT_LOCAL'


def test_a_changed_byte_is_noticed_by_the_checksum(tmp_path, caplog):
    bag = write_some(tmp_path / 'bag', count=4)
    data = bytearray(bag.file.read_bytes())
    place = data.find(b'top_optical_frame', len(data) // 3)
    data[place] ^= 1
    bag.file.write_bytes(data)
    with caplog.at_level(logging.WARNING):
        assert len(list(read_raw(bag.path))) == 20
    assert 'changed on the disk' in caplog.text
    made = recover_bag(bag.path)
    assert made.damage[str(bag.file)].crc == 1 and made.total == 20


@pytest.mark.parametrize('share', [0.1, 0.37, 0.5, 0.9, 0.999])
def test_a_file_cut_anywhere_gives_all_whole_messages(tmp_path, share):
    bag = write_some(tmp_path / 'bag')
    whole = list(read_raw(bag.path))
    data = bag.file.read_bytes()
    cut, end, lie_before = int(len(data) * share), 0, 0
    for _, _, message, _ in whole:
        end = data.index(message, end) + len(message)
        lie_before += end <= cut
    bag.file.write_bytes(data[:cut])
    (bag.path / 'metadata.yaml').unlink()
    made = recover_bag(bag.path)
    again = list(read_raw(made.path))
    assert again == whole[:lie_before] and len(again) > 0
    assert made.damage[str(bag.file)].any
    with Reader(made.path) as reader:
        assert reader.message_count == len(again)


def test_what_follows_a_damaged_place_is_found_again(tmp_path):
    bag = write_some(tmp_path / 'bag')
    data = bytearray(bag.file.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 1500] = (
        np.random.default_rng(0).integers(0, 256, 1500).astype(np.uint8).tobytes()
    )
    bag.file.write_bytes(data)
    stopped = len(list(read_raw(bag.path)))
    damage = Damage()
    found = list(read_damaged(bag.file, damage))
    assert stopped < 60
    # 1500 bytes touch at most 1500 / the shortest message (about 100 bytes) + 1 of them.
    assert len(found) >= 84 and damage.places >= 1 and damage.crc == 1


def test_any_single_damage_leaves_nearly_everything(tmp_path):
    bag = write_some(tmp_path / 'bag')
    clean = bag.file.read_bytes()
    rng = np.random.default_rng(1)
    for _ in range(60):
        data = bytearray(clean)
        data[int(rng.integers(8, len(data)))] ^= int(rng.integers(1, 256))
        bag.file.write_bytes(data)
        assert sum(1 for _ in read_damaged(bag.file, Damage())) >= 98


def write_chunks(bag, path, compression):
    """Write the poses of a bag as another recorder may: in compressed chunks."""
    with path.open('wb') as stream:
        writer = Writer(stream, chunk_size=8000, compression=compression)
        writer.start(profile='ros2')
        text, _ = definition('pianokpm/msg/HandPose')
        schema = writer.register_schema('pianokpm/msg/HandPose', 'ros2msg', text.encode())
        channel = writer.register_channel('/hands/left', 'cdr', schema)
        for topic, _, data, time in read_raw(bag.path):
            if topic == '/HandPose':
                writer.add_message(channel, time, data, time)
        writer.finish()


def test_chunked_and_compressed_files_of_others_are_recovered_too(tmp_path):
    path = tmp_path / 'other.mcap'
    write_chunks(write_some(tmp_path / 'bag'), path, CompressionType.ZSTD)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    made = recover_bag(path)
    assert 4 <= made.total < 20 and made.path.name == 'other_recovered'


@pytest.mark.parametrize(
    ('compression', 'magic'),
    [(CompressionType.ZSTD, b'\x28\xb5\x2f\xfd'), (CompressionType.LZ4, b'\x04\x22\x4d\x18')],
)
def test_a_compressed_chunk_that_can_not_be_unpacked_is_passed_over(
    tmp_path, caplog, compression, magic
):
    path = tmp_path / 'other.mcap'
    write_chunks(write_some(tmp_path / 'bag'), path, compression)
    data = path.read_bytes()
    assert data.count(magic) > 2
    second = data.index(magic, data.index(magic) + 1)
    path.write_bytes(data[:second] + b'?' + data[second + 1 :])
    with caplog.at_level(logging.WARNING):
        before = len(list(read_raw(path)))
    assert 0 < before < 20 and 'breaks off' in caplog.text
    made = recover_bag(path)
    assert before < made.total < 20 and made.damage[str(path)].places == 1


def test_a_message_that_can_not_be_read_is_passed_over_and_told(tmp_path, caplog):
    bag = write_some(tmp_path / 'bag', count=4)
    raw = list(read_raw(bag.path))
    with BagWriter(tmp_path / 'hurt') as hurt:
        for number, (topic, datatype, data, time) in enumerate(raw):
            hurt.write(topic, datatype, data[: len(data) // 2] if number == 7 else data, time)
    with caplog.at_level(logging.WARNING):
        found = [topic for topic, *_ in read_bag(hurt.path)]
    assert found == [topic for number, (topic, *_) in enumerate(raw) if number != 7]
    assert '1 messages left out as damaged' in caplog.text and raw[7][0] in caplog.text


def test_a_message_of_a_channel_that_nobody_named_ends_the_file(tmp_path, caplog):
    path = tmp_path / 'a.mcap'
    with path.open('wb') as stream:
        writer = Writer(stream, use_chunking=False)
        writer.start(profile='ros2')
        writer.add_message(7, 1, b'', 1)
        stream.flush()
    with caplog.at_level(logging.WARNING):
        assert not list(read_raw(path))
    assert 'breaks off after 0 messages' in caplog.text


def test_videos_and_notes_come_along_and_the_original_stays(tmp_path):
    bag = write_some(tmp_path / 'bag', count=2)
    (bag.path / 'video').mkdir()
    (bag.path / 'video' / 'top.mp4').write_bytes(b'film')
    before = bag.file.read_bytes()
    made = recover_bag(bag.path, tmp_path / 'new')
    assert made.copied == ('video/top.mp4',)
    assert (made.path / 'video' / 'top.mp4').read_bytes() == b'film'
    assert bag.file.read_bytes() == before
    with pytest.raises(RecordingError, match='exists'):
        recover_bag(bag.path, tmp_path / 'new')


def test_the_parts_of_a_session_become_one_bag(tmp_path):
    parts = [write_some(tmp_path / name, count=3) for name in ('first', 'second')]
    for part in parts:
        (part.path / 'rig.yaml').write_text('the same')
        (part.path / 'notes.txt').write_text(part.path.name)
    made = recover_bag([p.path for p in parts])
    assert made.path == tmp_path / 'first_recovered' and made.total == 30
    assert set(made.damage) == {str(p.file) for p in parts}
    assert sorted(made.copied) == ['notes.txt', 'rig.yaml', 'second/notes.txt']
    assert (made.path / 'second' / 'notes.txt').read_text() == 'second'


def test_something_else_gives_a_clear_error_and_leaves_nothing(tmp_path):
    (tmp_path / 'x.mcap').write_bytes(np.random.default_rng(0).bytes(50_000))
    with pytest.raises(RecordingError, match='nothing can be read'):
        recover_bag(tmp_path / 'x.mcap')
    (tmp_path / 'empty.mcap').touch()
    with pytest.raises(RecordingError, match='nothing can be read'):
        recover_bag(tmp_path / 'empty.mcap')
    assert {p.name for p in tmp_path.iterdir()} == {'x.mcap', 'empty.mcap'}


@pytest.mark.parametrize('name', ['old', 'take #2', '50%25 slower?'])
def test_an_sqlite_bag_of_an_older_ros_is_read_and_recovered(tmp_path, name):
    bag = write_some(tmp_path / 'bag', count=3)
    folder = tmp_path / name
    folder.mkdir()
    with sqlite3.connect(folder / 'old_0.db3') as database:
        database.execute('CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT, type TEXT)')
        database.execute(
            'CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER, timestamp INTEGER, data BLOB)'
        )
        topics = {}
        for topic, kind, data, time in read_raw(bag.path):
            if topic not in topics:
                topics[topic] = len(topics) + 1
                database.execute(
                    'INSERT INTO topics VALUES(?, ?, ?)', (topics[topic], topic, kind)
                )
            database.execute(
                'INSERT INTO messages(topic_id, timestamp, data) VALUES(?, ?, ?)',
                (topics[topic], time, data),
            )
    assert list(read_raw(folder)) == list(read_raw(bag.path))
    made = recover_bag(folder)
    assert list(read_raw(made.path)) == list(read_raw(bag.path)) and made.copied == ()
    assert [d.any for d in made.damage.values()] == [False]
    (folder / 'old_0.db3').write_bytes(b'no database')
    with pytest.raises(RecordingError, match='no bag that can be read'):
        list(read_raw(folder))
    with pytest.raises(RecordingError, match='nothing can be read'):
        recover_bag(folder, tmp_path / 'again')


def test_a_disk_that_takes_no_more_keeps_what_is_there(tmp_path):
    script = textwrap.dedent(f"""
        import resource
        import numpy as np
        from pianokpm_ros.recording.writer import BagWriter, RecordingError
        from test.messages.examples import make_pose
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
        rng, bag = np.random.default_rng(0), BagWriter({str(tmp_path / 'bag')!r})
        try:
            for i in range(1000):
                bag.write_record('/hands/left', make_pose(rng, 1), i * 100_000_000)
        except RecordingError as error:
            print(error)
        try:
            bag.close()
        except RecordingError as error:
            print(error)
    """)
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    done = subprocess.run(
        [sys.executable, '-c', script], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.count('what was recorded so far is kept') == 2, done.stdout + done.stderr
    made = recover_bag(tmp_path / 'bag')
    # A pose message has about 1 kB with its heads: of the 100 kB allowed all but the last buffer is there.
    assert made.total >= 80


def in_own_mounts(script, folder):
    """Run a script with a disk of 1 MB on a folder; nobody else sees it."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    words = f'mount -t tmpfs -o size=1m tmpfs {folder} && exec {sys.executable} -c "$0"'
    command = ['unshare', '--mount', '--map-root-user', 'sh', '-c', words, textwrap.dedent(script)]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip('needs unshare')
    if 'unshare:' in done.stderr or 'mount:' in done.stderr:
        pytest.skip(f'this system allows no mounts of its own: {done.stderr.strip()}')
    return done.stdout + done.stderr


def test_a_disk_that_is_really_full_and_one_that_is_read_only(tmp_path):
    said = in_own_mounts(
        f"""
        import subprocess
        import numpy as np
        from pianokpm_ros.recording.recovery import recover_bag
        from pianokpm_ros.recording.writer import BagWriter, RecordingError
        from test.messages.examples import make_pose
        disk, written = {str(tmp_path / 'disk')!r}, 0
        bag, rng = BagWriter(disk + '/bag', free_space=0), np.random.default_rng(0)
        try:
            for written in range(5000):
                bag.write_record('/hands/left', make_pose(rng, 1), written * 100_000_000)
        except RecordingError as error:
            print(error)
        try:
            bag.close()
        except RecordingError:
            pass
        made = recover_bag(disk + '/bag', {str(tmp_path / 'made')!r})
        print('kept', made.total, 'of', written)
        subprocess.run(['mount', '-o', 'remount,ro', disk], check=True)
        try:
            BagWriter(disk + '/other')
        except RecordingError as error:
            print(error)
        """,
        (tmp_path / 'disk').mkdir() or tmp_path / 'disk',
    )
    assert 'the disk is full; what was recorded so far is kept' in said, said
    kept, written = (int(n) for n in re.search(r'kept (\d+) of (\d+)', said).groups())
    # What was not flushed in the last half second of log time, 5 messages, may be missing.
    assert written - 10 <= kept <= written and kept > 500, said
    assert 'Read-only file system; choose another place' in said, said


@pytest.mark.skipif(os.geteuid() == 0, reason='root writes anywhere')
def test_a_read_only_target_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(RecordingError, match='choose another place'):
        BagWriter(tmp_path / 'bag')
    tmp_path.chmod(0o700)


def test_a_place_that_can_not_be_is_refused(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(RecordingError, match='choose another place'):
        BagWriter(tmp_path / 'file' / 'bag')
