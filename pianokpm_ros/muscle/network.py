"""The network of a model bundle: an ONNX graph with explicit state, run on one thread.

Letters: T ticks, F features, S state values, L look-aheads, M muscles.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pianokpm_ros.errors import PianokpmError

Float32Array = NDArray[np.float32]

INPUTS = ('features', 'state')
OUTPUTS = ('mean', 'deviation', 'next_state')


class BundleError(PianokpmError, ValueError):
    """A model bundle can't be used as asked."""


@dataclass(frozen=True)
class NetworkShape:
    """Sizes that the graph must have: F, S, L and M."""

    features: int
    state: int
    lookaheads: int
    muscles: int

    def inputs(self) -> dict[str, tuple[int | None, ...]]:
        """Name the inputs with their shapes; None is the free number of ticks."""
        return {'features': (None, self.features), 'state': (self.state,)}

    def outputs(self) -> dict[str, tuple[int | None, ...]]:
        """Name the outputs likewise."""
        knots = (None, self.lookaheads, self.muscles)
        return {'mean': knots, 'deviation': knots, 'next_state': (self.state,)}


class Network:
    """Run ticks through the graph; the caller keeps the state, so one network serves both hands."""

    def __init__(self, content: bytes, shape: NetworkShape) -> None:
        self.shape = shape
        self._session = _open(content)
        _check(self._session.get_inputs(), shape.inputs(), 'input')
        _check(self._session.get_outputs(), shape.outputs(), 'output')

    def start(self) -> Float32Array:
        """Return the (S,) state of a network that has seen nothing."""
        return np.zeros(self.shape.state, np.float32)

    def run(
        self, features: Float32Array, state: Float32Array
    ) -> tuple[Float32Array, Float32Array, Float32Array]:
        """Take T ticks.

        Args:
            features: (T, F), scaled, finite.
            state: (S,) as the last call returned it.

        Returns:
            (T, L, M) means, (T, L, M) deviations, and the (S,) next state.
        """
        return self._session.run(OUTPUTS, dict(zip(INPUTS, (features, state), strict=True)))


def _open(content: bytes) -> Any:
    import onnxruntime  # here, because it takes 0.2 s

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        # From bytes: a graph can't refer to other files then.
        return onnxruntime.InferenceSession(content, options, providers=['CPUExecutionProvider'])
    except Exception as error:  # its exceptions share no public base class
        raise BundleError(f'model.onnx is no ONNX graph that can be loaded: {error}') from error


def _check(found: list, wanted: dict[str, tuple[int | None, ...]], kind: str) -> None:
    shapes = {
        node.name: tuple(n if isinstance(n, int) else None for n in node.shape) for node in found
    }
    if shapes != wanted or any(node.type != 'tensor(float)' for node in found):
        raise BundleError(
            f'asked for a float {kind} {_words(wanted)} as the manifest describes, but model.onnx has '
            f'{_words(shapes)}; export the bundle again'
        )


def _words(shapes: dict[str, tuple[int | None, ...]]) -> str:
    return ', '.join(
        f'{name} ({", ".join("ticks" if n is None else str(n) for n in shape)})'
        for name, shape in shapes.items()
    )
