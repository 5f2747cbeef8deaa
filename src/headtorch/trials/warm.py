"""A warm process: it has imported PyTorch and computed nothing, and forks for each trial.

`python -m headtorch.trials.warm MODULE...` imports the modules, says whether forking is safe here, and then takes one
order a line. It answers each with the number of the process that runs it, and with its status when that has ended.
Forking is left alone where it is unsafe: with a GPU, with threads, elsewhere than on Linux.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import threading
import traceback
from pathlib import Path

import msgspec

from headtorch.trials import child
from headtorch.trials.orders import Errand, Order

READY, UNSAFE = "ready", "unsafe"


def main() -> None:
    """Serve orders until the input ends."""
    # What is imported may print; the answers go where it cannot reach.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    for name in sys.argv[1:]:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    print(READY if _safe() else UNSAFE, file=answers)
    for line in sys.stdin:
        errand = msgspec.json.decode(line, type=Errand)
        process = os.fork()
        if not process:
            _run(errand)
        print(process, file=answers)
        _, status = os.waitpid(process, 0)
        print(os.waitstatus_to_exitcode(status), file=answers)


def _safe() -> bool:
    import torch

    return sys.platform == "linux" and threading.active_count() == 1 and not torch.cuda.is_available()


def _run(errand: Errand) -> None:
    """Become the process of one trial; never returns."""
    status = 1
    try:
        os.setsid()
        log = os.open(errand.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for number, file in ((0, nothing), (1, log), (2, log)):
            os.dup2(file, number)
        os.closerange(3, 256)
        sys.stdin = open(0, closefd=False)  # noqa: SIM115
        os.chdir(errand.folder)
        os.environ.update(errand.environment)
        known = [path for path in os.environ["PYTHONPATH"].split(os.pathsep) if path not in sys.path]
        sys.path[1:1] = known
        child.run(msgspec.json.decode(Path(errand.order).read_bytes(), type=Order))
        sys.stdout.flush()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


if __name__ == "__main__":
    main()
