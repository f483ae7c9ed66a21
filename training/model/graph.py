"""Write a `MuscleNetwork` as an ONNX graph with explicit state in and out; node by node, so that nothing is traced.

Letters as in `network`.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from pianokpm_training.model.network import DEVIATION_FLOOR, MuscleNetwork

OPSET, IR_VERSION = 17, 9
"""Old enough for every onnxruntime of the last years."""


def build_graph(network: MuscleNetwork) -> onnx.ModelProto:
    """Make the graph: `features` (T, F) and `state` (S,) in, `mean` and `deviation` (T, L, M) and `next_state` out."""
    width, size, features = network.width, network.state_size, network.entry.in_features
    constants = _constants(network)
    nodes = [
        helper.make_node('Gemm', ['features', 'entry.w', 'entry.b'], ['entered'], transB=1),
        helper.make_node('Relu', ['entered'], ['entry']),
        helper.make_node('Unsqueeze', ['entry', 'axis1'], ['sequence_0']),
        helper.make_node('Reshape', ['state', 'state_shape'], ['states']),
        *(node for layer in range(network.layers) for node in _memory(layer, width)),
        helper.make_node('Squeeze', [f'sequence_{network.layers}', 'axis1'], ['course']),
        helper.make_node(
            'Concat', [f'after_{i}' for i in range(network.layers)], ['after'], axis=0
        ),
        helper.make_node('Reshape', ['after', 'flat'], ['next_state']),
        helper.make_node('Gemm', ['course', 'exit.w', 'exit.b'], ['left'], transB=1),
        helper.make_node('Relu', ['left'], ['exit']),
        helper.make_node('Gemm', ['exit', 'mean.w', 'mean.b'], ['mean_raw'], transB=1),
        helper.make_node('Sigmoid', ['mean_raw'], ['mean_flat']),
        helper.make_node('Reshape', ['mean_flat', 'knots'], ['mean']),
        helper.make_node('Gemm', ['exit', 'spread.w', 'spread.b'], ['spread_raw'], transB=1),
        helper.make_node('Softplus', ['spread_raw'], ['spread_flat']),
        helper.make_node('Reshape', ['spread_flat', 'knots'], ['spread']),
        helper.make_node('Mul', ['spread', 'calibration'], ['calibrated']),
        helper.make_node('Add', ['calibrated', 'floor'], ['deviation']),
    ]
    knots = ['ticks', *network.outputs]
    graph = helper.make_graph(
        nodes,
        'muscle',
        [_value('features', ['ticks', features]), _value('state', [size])],
        [_value('mean', knots), _value('deviation', knots), _value('next_state', [size])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid('', OPSET)], ir_version=IR_VERSION
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def _memory(layer: int, width: int) -> list[onnx.NodeProto]:
    """One recurrent layer, from `sequence_i` (T, 1, W) to the next."""
    return [
        helper.make_node('Gather', ['states', f'layer_{layer}'], [f'before_{layer}'], axis=0),
        helper.make_node(
            'GRU',
            [f'sequence_{layer}', *(f'gru_{layer}.{n}' for n in 'wrb'), '', f'before_{layer}'],
            [f'courses_{layer}', f'after_{layer}'],
            hidden_size=width,
            linear_before_reset=1,
        ),
        helper.make_node('Squeeze', [f'courses_{layer}', 'axis1'], [f'sequence_{layer + 1}']),
    ]


def _value(name: str, shape: list) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _constants(network: MuscleNetwork) -> dict[str, np.ndarray]:
    weights = {name: value.detach().numpy() for name, value in network.state_dict().items()}
    constants = {
        f'{layer}.{short}': weights[f'{layer}.{long}']
        for layer in ('entry', 'exit', 'mean', 'spread')
        for short, long in (('w', 'weight'), ('b', 'bias'))
    }
    for i in range(network.layers):
        constants[f'gru_{i}.w'] = _reorder(weights[f'memory.weight_ih_l{i}'])[None]
        constants[f'gru_{i}.r'] = _reorder(weights[f'memory.weight_hh_l{i}'])[None]
        biases = [_reorder(weights[f'memory.bias_{kind}_l{i}']) for kind in ('ih', 'hh')]
        constants[f'gru_{i}.b'] = np.concatenate(biases)[None]
        constants[f'layer_{i}'] = np.array([i], np.int64)
    constants['calibration'] = weights['calibration']
    constants['floor'] = np.array(DEVIATION_FLOOR, np.float32)
    constants['axis1'] = np.array([1], np.int64)
    constants['state_shape'] = np.array([network.layers, 1, network.width], np.int64)
    constants['flat'] = np.array([-1], np.int64)
    constants['knots'] = np.array([-1, *network.outputs], np.int64)
    return constants


def _reorder(gates: np.ndarray) -> np.ndarray:
    """Bring torch's gates (reset, update, new) into ONNX's order (update, reset, new)."""
    reset, update, new = np.split(gates, 3)
    return np.concatenate([update, reset, new])
