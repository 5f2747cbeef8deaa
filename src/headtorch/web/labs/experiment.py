"""Experiment: runs the labs in a process of its own, so that torch is in no other and any of them can be killed.

It loads all labs, tells what it found, and then runs one experiment after another. It is asked on stdin, answers on
stdout, and ends when stdin does, which is also when the server is killed.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import sys
import threading

from headtorch.labs import Lab, all_labs, lab_named, loaded
from headtorch.labs.kit.knobs import knobs_of, turned
from headtorch.model import UserError
from headtorch.render.html.lab import picture
from headtorch.web.labs.wanted import Described, Loaded, Shown, Wanted
from headtorch.web.messages import receive, send


class Desk:
    """The experiments that are asked for, and whether the running one is to be left."""

    def __init__(self) -> None:
        self.waiting: queue.Queue[Wanted] = queue.Queue()
        self.left = threading.Event()

    def read(self) -> None:
        """Take what is asked until there is no more question."""
        while (wanted := receive(sys.stdin.buffer, Wanted)) is not None:
            if wanted.lab:
                self.left.clear()
                self.waiting.put(wanted)
            else:
                self.left.set()
        os._exit(0)  # an experiment may be running, and nobody looks any more


def main() -> None:
    """Answer until there is no more question."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the server, which then ends this
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a package might print is no answer
    desk = Desk()
    threading.Thread(target=desk.read, daemon=True).start()
    send(out, Loaded({lab.name: _described(lab) for lab in all_labs()}))
    threading.Thread(target=warm, daemon=True).start()
    while True:
        wanted, trouble = desk.waiting.get(), ""
        lab = lab_named(wanted.lab)
        try:
            module = loaded(lab)
            with contextlib.closing(module.frames(turned(module.Knobs, wanted.texts))) as frames:
                for frame in frames:
                    if desk.left.is_set():
                        break
                    send(out, Shown(str(picture(frame)), frame.progress))
        except ModuleNotFoundError as error:
            trouble = f"the lab '{lab.name}' needs {(error.name or '').partition('.')[0]}: install `headtorch[labs]`"
        except UserError as error:
            trouble = str(error)
        except Exception as error:  # whatever an unusual setting may lead to belongs on the page
            trouble = f"with these knobs the experiment failed: {type(error).__name__}: {error}"
        send(out, Shown(last=True, trouble=trouble))


def _described(lab: Lab) -> Described:
    try:
        module = loaded(lab)
    except UserError as error:
        return Described(trouble=str(error))
    return Described(knobs_of(module.Knobs), module.CLAIMS)


def warm() -> None:
    """Have PyTorch and scikit-learn import what they only import when first used, which takes seconds."""
    with contextlib.suppress(Exception):
        import sklearn.datasets
        import torch

        assert sklearn.datasets
        torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], 0.1).step()


if __name__ == "__main__":
    main()
