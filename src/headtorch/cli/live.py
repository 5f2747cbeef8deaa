"""The live page of a training that is about to start: a process of its own, which outlives the training."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

PATIENCE = 10.0  # seconds for the page's process to say its address


def open_page(run_file: Path) -> str:
    """Start the page of a run file, and return its address, or a sentence that says why there is none.

    The process is no child of this one: a script that waits for its children would meet it.
    """
    command = [sys.executable, "-m", "headtorch", "view", "--until-left", str(run_file)]
    if os.name == "posix":
        command = ["sh", "-c", '"$@" &', "sh", *command]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    ) as process:
        assert process.stdout is not None
        # On Windows one cannot wait for a pipe with a limit.
        ready = os.name != "posix" or select.select([process.stdout], [], [], PATIENCE)[0]
        words = process.stdout.readline().decode("utf-8", "replace").strip() if ready else ""
        if os.name != "posix":
            process.stdout.close()
            process.returncode = 0  # it goes on, and nobody waits for it
    return words or f"the live page did not start within {PATIENCE:.0f} s"
