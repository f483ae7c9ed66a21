"""The few lines of C++ in docs/consumers.md, put into a package as they stand there, build and hear an estimate."""

import re
import subprocess
import sys
from pathlib import Path

from test.examples.colcon import build
from test.examples.lines import wait_for

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / 'docs' / 'consumers.md').read_text()
PACKAGE_XML = """<package format="3">
  <name>listener</name><version>0.1.0</version><description>As in the docs.</description>
  <maintainer email="maintainers@pianokpm.invalid">The pianokpm maintainers</maintainer><license>Apache-2.0</license>
  <buildtool_depend>ament_cmake</buildtool_depend>
  {depends}
  <export><build_type>ament_cmake</build_type></export>
</package>
"""


def find_example(name):
    return re.search(rf'<!-- example: {name} -->\n```\w+\n(.*?)```', TEXT, re.DOTALL)[1]


def write_package(folder):
    depends = ''.join(re.findall(r'<depend>\w+</depend>', TEXT))
    assert depends == '<depend>rclcpp</depend><depend>pianokpm</depend>'
    head = 'cmake_minimum_required(VERSION 3.16)\nproject(listener)\n'
    tail = 'install(TARGETS listener DESTINATION lib/listener)\nament_package()\n'
    (folder / 'src').mkdir(parents=True)
    (folder / 'package.xml').write_text(PACKAGE_XML.format(depends=depends))
    (folder / 'CMakeLists.txt').write_text(head + find_example('cmake') + tail)
    (folder / 'src' / 'listener.cpp').write_text(find_example('cpp'))
    return folder


def test_the_lines_build_and_print_an_estimate(tmp_path, monkeypatch):
    installed = build(write_package(tmp_path / 'listener'), tmp_path)
    monkeypatch.delenv('_ROS_WHEELS_BOOTSTRAP_COMPLETE', raising=False)
    program = str(installed / 'listener' / 'lib' / 'listener' / 'listener')
    pipe = {'stdout': subprocess.PIPE, 'stderr': subprocess.STDOUT, 'text': True}
    module = ['-m', 'test.client.synthetic_publisher', 'muscle_activity/right']
    processes = [
        subprocess.Popen([program], **pipe),
        subprocess.Popen([sys.executable, *module], cwd=ROOT),
    ]
    try:
        line = wait_for(processes[0], 'ms old', 90)
        assert re.search(r'\w+ \d\.\d{3}, \d+ ms old', line), line
    finally:
        for process in processes:
            process.kill()
            process.wait()
