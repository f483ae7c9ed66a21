"""What may import what: the core knows no ROS, the runtime no training, nothing heavy comes unasked."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROS = ('rclpy', 'pianokpm', 'std_msgs', 'sensor_msgs', 'diagnostic_msgs', 'builtin_interfaces',
       'std_srvs', 'rcl_interfaces', 'visualization_msgs', 'geometry_msgs', 'launch', 'launch_ros',
       'ament_index_python', 'cv_bridge', 'rosidl_runtime_py')  # fmt: skip
TRAINING = ('pianokpm_training', 'torch', 'mujoco', 'myo_sim', 'mink', 'lightning', 'onnx')
OPTIONAL = ('mediapipe', 'ai_edge_litert', 'pylsl', 'rtmidi', 'rerun')
"""Installed by choice; imported only where they are used, never when a module is imported."""

ROS_FILES = ('messages.py', 'launching.py')
"""Outside nodes/, what knows ROS: the conversion of messages and the launch description."""

LAZY_ROS = ('commands/demo.py', 'client/subscriber.py')
"""Modules that work with a live graph; no ROS on import but where `subscriber` is asked for."""


def list_modules(folder):
    return sorted(p for p in (ROOT / folder).rglob('*.py') if '__pycache__' not in p.parts)


def find_imports(path, anywhere=True):
    """Yield the top package of each absolute import; without `anywhere` only those that run on import."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree) if anywhere else walk_top(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split('.')[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.split('.')[0]


def walk_top(tree):
    """Yield the nodes that run when a module is imported: not those in functions, nor for type checkers only."""
    waiting = list(tree.body)
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and 'TYPE_CHECKING' in ast.unparse(node.test):
            continue
        waiting.extend(ast.iter_child_nodes(node))


def knows_ros(path):
    relative = path.relative_to(ROOT / 'pianokpm_ros').as_posix()
    return relative.startswith('nodes/') or relative in (*ROS_FILES, *LAZY_ROS)


@pytest.mark.parametrize('path', list_modules('pianokpm_ros'), ids=str)
def test_the_core_imports_neither_ros_nor_messages(path):
    if not knows_ros(path):
        assert set(find_imports(path)) & set(ROS) == set()


@pytest.mark.parametrize('path', list_modules('pianokpm_ros'), ids=str)
def test_the_runtime_imports_no_training(path):
    assert set(find_imports(path)) & set(TRAINING) == set()


@pytest.mark.parametrize('path', list_modules('pianokpm_ros'), ids=str)
def test_what_is_optional_is_imported_only_where_it_is_used(path):
    assert set(find_imports(path, anywhere=False)) & set(OPTIONAL) == set()


@pytest.mark.parametrize('path', list_modules('training'), ids=str)
def test_training_needs_no_ros(path):
    assert set(find_imports(path)) & set(ROS) == set()


def test_importing_the_whole_core_brings_nothing_heavy():
    """The same again by doing it, so that imports made in other ways count too."""
    names = [
        '.'.join(p.relative_to(ROOT).with_suffix('').parts)
        for p in list_modules('pianokpm_ros')
        if not knows_ros(p) and p.name != '__init__.py'
    ]
    script = f"""
import importlib, sys
for name in {names!r}:
    importlib.import_module(name)
found = sorted({{m.split('.')[0] for m in sys.modules}} & set({(*ROS, *TRAINING, *OPTIONAL)!r}))
print(','.join(found))
"""
    done = subprocess.run(
        [sys.executable, '-c', script], capture_output=True, text=True, cwd=ROOT, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ''


@pytest.mark.parametrize(
    ('text', 'anywhere', 'expected'),
    [
        ('import rclpy', True, {'rclpy'}),
        ('def f():\n    from sensor_msgs.msg import Image', True, {'sensor_msgs'}),
        ('def f():\n    import torch', False, set()),
        ('try:\n    import torch\nexcept ImportError:\n    pass', False, {'torch'}),
        ('class A:\n    import torch', False, {'torch'}),
        ('if TYPE_CHECKING:\n    import torch', False, set()),
        ('from . import torch', True, set()),
    ],
)
def test_the_finder_finds(tmp_path, text, anywhere, expected):
    path = tmp_path / 'x.py'
    path.write_text(text)
    assert set(find_imports(path, anywhere)) == expected
