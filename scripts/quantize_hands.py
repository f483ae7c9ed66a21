"""Quantise MediaPipe's landmark models to 8 bits: makes the files of the hand engine `int8`.

    python -m pip install --no-deps --target out/nncf nncf==3.4.0 openvino-telemetry ninja scikit-learn joblib \
        threadpoolctl safetensors psutil natsort pydot tabulate
    PYTHONPATH=out/nncf:$PYTHONPATH python -m scripts.quantize_hands

needs openvino (requirements/int8.txt) and NNCF, which nothing else here does. The ranges of the activations are
those of crops of the take that ships, a fifth of them as they are, the others turned, scaled, mirrored and in other
light and colours: without those real hands fall outside. Recordings of real hands are not used, so that
`make bench-vision` may judge by them. The last layers, whose outputs are coordinates, stay in floating point.
"""

import argparse
import threading
from pathlib import Path

import cv2
import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as operation
from openvino.preprocess import ColorFormat, PrePostProcessor

from pianokpm_ros.capture.video_file import VideoFile
from pianokpm_ros.hands.engine import CROP, HandEngine
from pianokpm_ros.hands.guided_workers import GuidedWorkers
from pianokpm_ros.hands.model_files import LANDMARK_FILES, find_landmark_model
from pianokpm_ros.shares import find_asset
from pianokpm_ros.takes import Take, load_take

FloatArray = NDArray[np.floating]

FRAMES, COUNT, SEED = 120, 160, 0
WEIGHED = ('Convolution', 'GroupConvolution', 'MatMul')
LEVELS = 127
"""Of a signed weight to either side."""


def main() -> None:
    """Write both models."""
    parser = argparse.ArgumentParser(
        prog='python -m scripts.quantize_hands', description=__doc__.splitlines()[0]
    )
    parser.add_argument('--out', type=Path, default=find_asset('hands'))
    out = parser.parse_args().out
    crops = collect_crops(load_take(find_asset('takes/demo')))
    pictures = vary_crops(crops)
    for model in LANDMARK_FILES:
        path = out / f'landmarks_{model}_int8.xml'
        ov.save_model(quantise(model, pictures), path, compress_to_fp16=False)
        print(f'{path}: {path.with_suffix(".bin").stat().st_size / 1e6:.1f} MB')


def collect_crops(take: Take) -> NDArray[np.uint8]:
    """Return the (N, 224, 224, 3) RGB regions that the full model looks at while it follows the hands of a take."""
    engine, crops, lock = HandEngine('full'), {}, threading.Lock()
    look = engine.find_many

    def watch(places):
        for image, region in places:
            crop = cv2.cvtColor(region.cut(image, CROP), cv2.COLOR_BGR2RGB)
            with lock:  # several threads look: kept in an order of their own
                crops[region.x, region.y, region.size, region.angle] = crop
        return look(places)

    engine.find_many = watch
    workers = GuidedWorkers(take.rig, engine)
    sources = [VideoFile(n, p) for n, p in take.videos.items()]
    for source in sources:
        source.open()
    for _ in range(FRAMES):
        workers.process({f.camera: f for s in sources if (f := s.read())})
    workers.close()
    return np.stack([crops[key] for key in sorted(crops)])


def vary_crops(crops: NDArray[np.uint8]) -> list[FloatArray]:
    """Return (1, 224, 224, 3) inputs of the model, some as they are, most varied."""
    random, every = np.random.default_rng(SEED), len(crops) // COUNT
    varied = [_vary(c, random) for first in (0, 1) for c in crops[first::every]]
    plain = [np.float32(c / 255) for c in crops[:: 2 * every]]
    return [p[None] for p in plain + varied]


def _vary(crop: NDArray[np.uint8], random: np.random.Generator) -> FloatArray:
    turn, scale = random.uniform(-40, 40), random.uniform(0.8, 1.3)
    matrix = cv2.getRotationMatrix2D((CROP / 2, CROP / 2), turn, scale)
    matrix[:, 2] += random.uniform(-15, 15, 2)
    moved = cv2.warpAffine(crop, matrix, (CROP, CROP), borderMode=cv2.BORDER_REPLICATE) / 255
    lit = moved ** random.uniform(0.6, 1.7) * random.uniform(0.7, 1.3, 3)
    shown = lit[:, ::-1] if random.random() < 0.5 else lit
    return np.clip(shown, 0, 1).astype(np.float32)


def quantise(model: str, pictures: list[FloatArray]) -> ov.Model:
    """Return a landmark model of 8 bits that takes (1, 224, 224, 3) BGR bytes."""
    import nncf

    plain = ov.Core().read_model(find_landmark_model(model))
    weights = _make_plain(plain)
    quantised = nncf.quantize(
        plain,
        nncf.Dataset(pictures),
        preset=nncf.QuantizationPreset.PERFORMANCE,
        subset_size=len(pictures),
        ignored_scope=nncf.IgnoredScope(types=['MatMul'], validate=False),
    )
    _scale_channels(quantised, weights)
    return _take_bytes(quantised)


def _make_plain(model: ov.Model) -> dict[str, FloatArray]:
    """Put constants in the place of computed weights, which NNCF doesn't see; returns those of depthwise layers."""
    depthwise = {}
    for node in model.get_ordered_ops():
        if node.get_type_name() not in WEIGHED:
            continue
        part = ov.Model([operation.result(node.input_value(1))], [])
        weights = np.ascontiguousarray(ov.compile_model(part, 'CPU')({})[0])
        node.input(1).replace_source_output(operation.constant(weights).output(0))
        if node.get_type_name() == 'GroupConvolution':
            depthwise[node.get_friendly_name()] = weights
    return depthwise


def _scale_channels(model: ov.Model, weights: dict[str, FloatArray]) -> None:
    """Give each channel of a depthwise layer one scale.

    NNCF 3.4 gives one to each column of its kernel, which OpenVINO can't run in 8 bits; nor can it without the
    reshaping.
    """
    for node in model.get_ordered_ops():
        if node.get_type_name() != 'GroupConvolution':
            continue
        kernel = weights[node.get_friendly_name()]
        flat = kernel.reshape(len(kernel), 1, *kernel.shape[-2:])
        scale = np.abs(flat).max(axis=(1, 2, 3), keepdims=True) / LEVELS
        whole = np.round(flat / np.maximum(scale, 1e-12)).astype(np.int8)
        value = operation.multiply(
            operation.convert(operation.constant(whole), 'f32'),
            operation.constant(scale.astype(np.float32)),
        )
        shape = operation.constant(np.array(kernel.shape, np.int64))
        shaped = operation.reshape(value, shape, False)
        node.input(1).replace_source_output(shaped.output(0))
    model.validate_nodes_and_infer_types()


def _take_bytes(model: ov.Model) -> ov.Model:
    layout, steps = ov.Layout('NHWC'), PrePostProcessor(model)
    given = steps.input()
    given.tensor().set_element_type(ov.Type.u8).set_layout(layout).set_color_format(
        ColorFormat.BGR
    )
    given.model().set_layout(layout)
    given.preprocess().convert_element_type(ov.Type.f32).convert_color(ColorFormat.RGB).scale(255)
    return steps.build()


if __name__ == '__main__':
    main()
