"""The names of what runs MediaPipe's landmark model, and which of them suits this machine."""

import importlib.util
import logging
from pathlib import Path

logger = logging.getLogger(__name__)

RUNTIMES = {
    'litert': 'the landmark model as MediaPipe ships it, on LiteRT',
    'int8': 'in 8 bits on OpenVINO (requirements/int8.txt): less than half the time on processors with VNNI',
}
AUTO = 'auto'
HAND_ENGINES = {
    AUTO: 'int8 where OpenVINO is installed and the processor has VNNI, else litert',
    **RUNTIMES,
}

PROCESSORS = Path('/proc/cpuinfo')
VNNI = frozenset({'avx512_vnni', 'avx_vnni'})


def pick_runtime(engine: str, own_models: bool = False) -> str:
    """Return the runtime for a hand engine of `HAND_ENGINES`, and log why where that is a choice.

    `own_models` are the user's: only `litert` runs them as they are.
    """
    if engine != AUTO:
        return engine
    refusal = _refuse_int8(own_models)
    runtime = 'litert' if refusal else 'int8'
    logger.info(
        'hand engine %s: %s', runtime, refusal or 'OpenVINO is installed, the processor has VNNI'
    )
    return runtime


def _refuse_int8(own_models: bool) -> str:
    """Say why the landmark model in 8 bits is not chosen; empty = it is."""
    if own_models:
        return 'it takes the models of hand_task as they are'
    if importlib.util.find_spec('openvino') is None:
        return 'OpenVINO is not installed (requirements/int8.txt)'
    return '' if has_vnni() else 'the processor has no VNNI'


def has_vnni() -> bool:
    """Tell whether the processor multiplies bytes four at a time; False also where that can't be found out."""
    try:
        lines = PROCESSORS.read_text().splitlines()
    except OSError:
        return False
    flags = next((line for line in lines if line.startswith('flags')), '')
    return not VNNI.isdisjoint(flags.split())
