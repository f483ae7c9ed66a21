"""What `make bench-vision` measures."""

import os

for name in ('OPENBLAS_NUM_THREADS', 'NUMBA_NUM_THREADS'):
    os.environ.setdefault(name, '1')  # 3 x 3 systems: waking threads costs more than solving them
