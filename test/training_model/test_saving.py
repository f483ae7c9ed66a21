import resource
import signal

import pytest
import torch
from pianokpm_training.model.saving import save_tensors


def test_what_cannot_be_written_is_an_error_of_the_disk_and_leaves_what_was_there(tmp_path):
    path = tmp_path / 'weights.pt'
    save_tensors(path, {'a': torch.ones(3)})
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limit[1]))
        # torch itself would say `RuntimeError: unexpected pos 99840 vs 99734`.
        with pytest.raises(OSError, match='too large'):
            save_tensors(path, {'a': torch.ones(100_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, before)
    assert torch.load(path, weights_only=True)['a'].tolist() == [1.0] * 3
    assert [p.name for p in tmp_path.iterdir()] == ['weights.pt']
