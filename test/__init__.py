"""Tests by area."""

import os

# Read when NumPy and PyTorch are imported. `make test` keeps all cores at work, where threads wait for one another in
# loops: a training took more than three times the processor time on a busy machine.
for name in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS'):
    os.environ.setdefault(name, '1')
