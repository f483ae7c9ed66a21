import av
import numpy as np
import pytest

from pianokpm_ros.capture.source import CaptureError
from pianokpm_ros.capture.video_file import VideoFile, load_timestamps

from .conftest import RATE, SIZE, paint, read_number

T0 = 1_700_000_000_000_000_000


def read_all(source):
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame)
    return frames


def test_every_frame_in_order_with_the_time_of_the_file(video):
    pts = [0, 1, 2, 5, 6, 9, 10, 11]  # gaps stay gaps
    source = VideoFile('cam', video(count=8, pts=pts), start=T0)
    source.open()
    frames = read_all(source)
    assert (source.size, source.rate is not None) == (SIZE, True)
    assert [read_number(f.image) for f in frames] == list(range(8))
    assert [f.sequence for f in frames] == list(range(8))
    # Times are kept in units of 1/15360 s by the MP4 writer: rounded to the nanosecond here.
    expected = np.array(pts) * 1_000_000_000 / RATE
    np.testing.assert_allclose([f.stamp - T0 for f in frames], expected, atol=1)
    source.open()
    assert read_number(source.read().image) == 0
    source.close()


@pytest.mark.parametrize('codec', ['libx264', 'mpeg4'])
def test_frames_of_an_avi_that_were_decoded_in_another_order_come_in_time(tmp_path, codec):
    """AVI has no times of showing: by FFmpeg's guess two of three frames were older than the one before."""
    path = tmp_path / 'a.avi'
    with av.open(str(path), 'w') as container:
        stream = container.add_stream(codec, rate=RATE, options={'bf': '2'})
        stream.width, stream.height, stream.pix_fmt = *SIZE, 'yuv420p'
        for i in range(12):
            frame = av.VideoFrame.from_ndarray(paint(i), format='bgr24')
            frame.pts = i
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    source = VideoFile('cam', path)
    source.open()
    frames = read_all(source)
    assert [read_number(f.image) for f in frames] == list(range(12))
    assert [f.stamp for f in frames] == [round(i * 1e9 / RATE) for i in range(12)]


def test_given_time_stamps_replace_the_files(video, tmp_path):
    table = tmp_path / 'timestamps.csv'
    table.write_text(
        'sync_index,cam_id,frame_index,frame_time\n0,1,1,10.1\n0,1,0,10.0\n0,0,0,9.5\n'
    )
    stamps = load_timestamps(table)
    assert {n: s.tolist() for n, s in stamps.items()} == {
        'cam_0': [0],
        'cam_1': [500_000_000, 600_000_000],
    }
    source = VideoFile('cam_1', video(count=5), start=T0, timestamps=stamps['cam_1'])
    source.open()
    assert [f.stamp - T0 for f in read_all(source)] == [500_000_000, 600_000_000]


def test_time_stamps_of_a_spreadsheet_are_read(tmp_path):
    table = tmp_path / 'timestamps.csv'
    table.write_text('\ufeffcamera,frame_index,frame_time\ntop,0,1.0\ntop,1,1.5\n')
    assert load_timestamps(table)['top'].tolist() == [0, 500_000_000]


def test_a_file_that_breaks_off_ends_with_a_warning(video, tmp_path):
    whole = video(count=200).read_bytes()
    # The index is at the end of an MP4; in MPEG-TS what is there can be read.
    path = video('b.ts', count=200)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    source = VideoFile('cam', path)
    source.open()
    assert 10 < len(read_all(source)) < 200
    broken = tmp_path / 'c.mp4'
    broken.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CaptureError, match='no video that can be read'):
        VideoFile('cam', broken).open()


def test_what_follows_a_broken_frame_is_read_all_the_same(tmp_path, caplog):
    """Three damaged pictures of sixty cost forty: a long recording ended where it was first hurt."""
    path = tmp_path / 'hurt.avi'
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('mjpeg', rate=RATE)
        stream.width, stream.height, stream.pix_fmt = *SIZE, 'yuvj420p'
        for i in range(60):
            frame = av.VideoFrame.from_ndarray(paint(i), format='bgr24')
            frame.pts = i
            container.mux(stream.encode(frame))
    with av.open(str(path)) as container:
        packets = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    data = bytearray(path.read_bytes())
    for start, size in packets[20:23]:
        data[start : start + size] = bytes(size)
    path.write_bytes(data)
    source = VideoFile('cam', path)
    source.open()
    frames, left = read_all(source), [i for i in range(60) if not 20 <= i < 23]
    assert [read_number(f.image) for f in frames] == left == [f.sequence for f in frames]
    assert [f.stamp for f in frames] == [round(i * 1e9 / RATE) for i in left]
    (said,) = (r.getMessage() for r in caplog.records)
    assert 'can not be decoded' in said and 'after 20 frames' in said and not source.truncated
    # Given times go by numbers, which behind it nobody can be sure of.
    source = VideoFile('cam', path, timestamps=np.arange(60) * 40_000_000)
    source.open()
    assert len(read_all(source)) == 20 and source.truncated


def test_refusals_say_what_was_asked(tmp_path):
    with pytest.raises(CaptureError, match=r"camera 'cam'.*nothing\.mp4, which is no file"):
        VideoFile('cam', tmp_path / 'nothing.mp4').open()
    other = tmp_path / 'other.csv'
    other.write_text('a,b\n1,2\n')
    with pytest.raises(CaptureError, match='expected the columns'):
        load_timestamps(other)
    for empty in ('', 'cam_id,frame_index,frame_time\n'):
        other.write_text(empty)
        with pytest.raises(CaptureError, match='a row for each frame'):
            load_timestamps(other)
    for wrong in ('', 'nan', 'noon'):
        other.write_text(f'cam_id,frame_index,frame_time\n0,0,1.5\n0,1,{wrong}\n')
        with pytest.raises(CaptureError, match='a number of seconds in every row'):
            load_timestamps(other)


@pytest.mark.parametrize('degrees', [90, 180, -90])
def test_a_video_is_turned_as_its_phone_was_held(tmp_path, degrees):
    path = tmp_path / 'phone.mp4'
    shown = np.zeros((48, 64, 3), np.uint8)
    shown[:16, :32] = 250  # as the phone's sensor saw it: light at the top left
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('libx264', 10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, 'yuv420p'
        stream.set_display_rotation(degrees)
        for packet in [
            *stream.encode(av.VideoFrame.from_ndarray(shown, 'bgr24')),
            *stream.encode(),
        ]:
            container.mux(packet)
    source = VideoFile('cam', path)
    source.open()
    image = source.read().image
    source.close()
    expected = np.rot90(shown, degrees // 90)  # counterclockwise, as FFmpeg counts
    assert source.size == expected.shape[1::-1]
    np.testing.assert_allclose(image.astype(int), expected, atol=12)  # what H.264 loses


def write_transport_stream(path, size, start):
    """Write ten pictures of a size."""
    with av.open(str(path), 'w', format='mpegts') as container:
        stream = container.add_stream('mpeg2video', rate=25)
        stream.width, stream.height, stream.pix_fmt = *size, 'yuv420p'
        for i in range(10):
            picture = np.full((size[1], size[0], 3), 20 * i, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format='bgr24')
            frame.pts = start + i
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path.read_bytes()


def test_pictures_of_another_size_are_left_out_and_told_once(tmp_path, caplog):
    """A browser's recording of a phone that is turned and turned back; stamps stay those of the file."""
    sizes = ((96, 64), (64, 96), (96, 64))
    parts = [write_transport_stream(tmp_path / 'x.ts', s, 10 * i) for i, s in enumerate(sizes)]
    path = tmp_path / 'turned.ts'
    path.write_bytes(b''.join(parts))
    source = VideoFile('phone', path)
    source.open()
    frames = read_all(source)
    source.close()
    assert source.size == SIZE and {f.image.shape[1::-1] for f in frames} == {SIZE}
    # The decoder loses the picture before each change; the parts' times are a frame off.
    assert [f.sequence for f in frames] == [*range(9), *range(18, 28)]
    assert frames[9].stamp == pytest.approx(20 * 40e6, abs=41e6)
    (said,) = (r.getMessage() for r in caplog.records)
    assert 'from frame 9 on' in said and '64 x 96 instead of 96 x 64' in said
