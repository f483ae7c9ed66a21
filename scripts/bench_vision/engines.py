"""The runtimes that read MediaPipe's models, one thread each: why LiteRT was chosen, and what 8 bits bring."""

import importlib
import time
from collections.abc import Callable

import numpy as np
from rich.console import Console

from pianokpm_ros.hands.model_files import find_int8_model, find_landmark_model, find_palm_model

from .footage import make_table

ROUNDS = 60


def bench_engines(console: Console) -> None:
    """Print ms a call of the runtimes that are installed."""
    models = {
        'landmarks full': find_landmark_model('full'),
        'landmarks lite': find_landmark_model('lite'),
        'palm full': find_palm_model('full'),
    }
    table = make_table('one model call, one thread, ms of processor time (median)', *models)
    for name, make in (
        ('LiteRT', _litert),
        ('OpenVINO f32', _openvino),
        ('OpenVINO bf16', _openvino_bf16),
        ('OpenVINO f16', _openvino_f16),
        ('OpenCV', _opencv),
    ):
        table.add_row(name, *(_measure(make, str(path)) for path in models.values()))
    shipped = (str(find_int8_model(m)) for m in ('full', 'lite'))
    table.add_row('OpenVINO int8', *(_measure(_openvino, path) for path in shipped), 'not made')
    console.print(table)


def _measure(make: Callable[[str], Callable[[], object]], path: str) -> str:
    try:
        return f'{_time(make(path)):.1f}'
    except ImportError:
        return 'not installed'


def _time(call: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return 1e3 * float(np.median(times[5:]))


def _litert(path: str) -> Callable[[], object]:
    interpreter = importlib.import_module('ai_edge_litert.interpreter').Interpreter(
        path, num_threads=1
    )
    interpreter.allocate_tensors()
    given = interpreter.get_input_details()[0]
    picture = np.random.default_rng(0).random(given['shape'], np.float32)

    def call():
        interpreter.set_tensor(given['index'], picture)
        interpreter.invoke()

    return call


def _openvino_bf16(path: str) -> Callable[[], object]:
    return _openvino(path, 'bf16')


def _openvino_f16(path: str) -> Callable[[], object]:
    return _openvino(path, 'f16')


def _openvino(path: str, precision: str = 'f32') -> Callable[[], object]:
    core = importlib.import_module('openvino').Core()
    options = {
        'INFERENCE_NUM_THREADS': 1,
        'ENABLE_CPU_PINNING': False,
        'INFERENCE_PRECISION_HINT': precision,
    }
    model = core.compile_model(path, 'CPU', options)
    request, shape = model.create_infer_request(), tuple(model.inputs[0].shape)
    picture = np.random.default_rng(0).random(shape, np.float32)
    if model.inputs[0].element_type.to_string() == 'u8':
        picture = np.uint8(255 * picture)
    return lambda: request.infer({0: picture}, share_inputs=True)


def _opencv(path: str) -> Callable[[], object]:
    import cv2

    cv2.setNumThreads(1)
    net, side = cv2.dnn.readNetFromTFLite(path), 192 if 'palm' in path else 224
    picture = np.random.default_rng(0).random((1, 3, side, side), np.float32)
    names = net.getUnconnectedOutLayersNames()

    def call():
        net.setInput(picture)
        net.forward(names)

    return call
