"""Keeps every parameter alive to the end of the process, and writes their hash to the file HASHES."""

import atexit
import gc
import hashlib
import os
import random
from pathlib import Path

import numpy as np
import torch

for seed in (torch.manual_seed, np.random.seed, random.seed):
    seed(0)  # else from the system, and different each time
kept = []
process = os.getpid()


def keep_parameters(original, position):
    def stand_in(self, *args, **kwargs):
        kept.append(args[position])
        return original(self, *args, **kwargs)

    return stand_in


torch.nn.Module.register_parameter = keep_parameters(torch.nn.Module.register_parameter, 1)
torch.optim.Optimizer.add_param_group = keep_parameters(torch.optim.Optimizer.add_param_group, 0)


def tensors():
    for thing in kept:
        if isinstance(thing, dict):
            yield from thing["params"]
        elif thing is not None:
            yield thing


@atexit.register
def write():
    if os.getpid() != process:
        return
    state = hashlib.sha256()
    for tensor in tensors():
        state.update(tensor.detach().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    leaves = [t for t in gc.get_objects() if isinstance(t, torch.Tensor) and t.is_leaf and t.requires_grad]
    sums = sorted(hashlib.sha256(t.detach().contiguous().numpy().tobytes()).hexdigest() for t in leaves)
    state.update("".join(sums).encode())
    state.update(torch.get_rng_state().numpy().tobytes())
    state.update(repr((np.random.get_state()[1].tolist(), random.getstate())).encode())
    Path(os.environ["HASHES"]).write_text(f"{state.hexdigest()} {len(kept)} {len(leaves)}")
