import numpy as np

from pianokpm_ros.anatomy import Side
from pianokpm_ros.protocol.streams import RECORDER, SILENT_RECORDER, StreamWatch
from pianokpm_ros.records import EmgBlock, EmgOrigin


def block(channels, samples):
    return EmgBlock(
        0, 0, EmgOrigin.SIMULATED, 2000.0, channels, np.full(len(channels), Side.RIGHT, np.uint8), 'V',
        'raw', 'lsl:test', np.asarray(samples, np.float32),
    )  # fmt: skip


def watch_for(seconds, electrodes=('ADM', 'APB')):
    now = [0.0]
    watch = StreamWatch(electrodes, lambda: now[0])
    now[0] = seconds
    watch.now = now
    return watch


def tell(watch):
    return {line.stream: (line.fine, line.words) for line in watch.look()}


def test_rates_are_those_since_the_last_look():
    watch = watch_for(2.0)
    for _ in range(100):
        watch.heard_emg(block(('ADM', 'APB', 'x'), np.zeros((40, 3))))
        watch.heard('left')
    watch.heard('keys')
    found = tell(watch)
    assert found['EMG'] == (True, '3 channels, 2000 samples a second, 0 lost')
    assert found['hands'] == (True, 'left 50, right 0 poses a second') and found['keys'][0]
    again = [fine for stream, (fine, _) in tell(watch).items() if stream != RECORDER]
    assert not any(again), 'nothing came since'


def test_lost_samples_wrong_electrodes_and_slow_hands_are_told():
    watch = watch_for(1.0)
    watch.heard_emg(block(('ADM', 'APB'), [[0, 0], [np.nan, 0]]))
    watch.heard('right')
    found = tell(watch)
    assert not found['EMG'][0] and '1 lost' in found['EMG'][1]
    assert not found['hands'][0] and '--film' in found['hands'][1]
    other = watch_for(1.0, ('1DI', 'APB'))
    other.heard_emg(block(('ch1', 'APB'), np.zeros((4, 2))))
    assert 'sends ch1, APB, the protocol also lists 1DI' in tell(other)['EMG'][1]


def test_an_amplifier_that_stops_within_a_take_is_told():
    watch = watch_for(1.0)
    watch.heard_emg(block(('ADM', 'APB'), np.zeros((4, 2))))
    watch.now[0] = 3.0
    assert tell(watch)['EMG'] == (False, 'nothing has arrived for 2.0 s; look after the amplifier')


def test_rest_needs_no_hands_and_a_task_needs_everything():
    lines = {line.stream: line for line in watch_for(SILENT_RECORDER + 1).look()}
    assert lines['EMG'].matters('mvc') and not lines['hands'].matters('mvc')
    assert all(line.matters('task') for line in lines.values())
    assert lines['keys'].matters('taps') and not lines['EMG'].matters('taps')
    assert all(lines[RECORDER].matters(kind) for kind in ('rest', 'mvc', 'taps', 'task'))


def test_a_recorder_that_stops_is_told():
    watch = watch_for(4.0)
    watch.heard_recorder('')
    assert tell(watch)[RECORDER] == (True, 'records')
    watch.heard_recorder('7 MB are left on the disk')
    assert tell(watch)[RECORDER] == (False, '7 MB are left on the disk')
    watch.heard_recorder('')
    watch.now[0] += SILENT_RECORDER + 1
    fine, words = tell(watch)[RECORDER]
    assert not fine and 'nothing is recorded' in words
