# Source this in bash to use what `make build` made: `pianokpm`, the nodes, and the messages in Python.
_pianokpm_root="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
source "$_pianokpm_root/.venv/bin/activate"
# The wheels make the virtual environment an ament prefix; colcon's setup files don't know it.
if [ -z "${ROS_DISTRO:-}" ]; then
  export CMAKE_PREFIX_PATH="$_pianokpm_root/.venv"
  export AMENT_PREFIX_PATH="$_pianokpm_root/.venv"
fi
if [ -f "$_pianokpm_root/install/local_setup.bash" ]; then
  source "$_pianokpm_root/install/local_setup.bash"
  export PATH="$_pianokpm_root/install/pianokpm/lib/pianokpm:$PATH"
fi
# A parent's mark would keep the wheels from setting the library path of this shell's programs.
unset _ROS_WHEELS_BOOTSTRAP_COMPLETE _pianokpm_root
