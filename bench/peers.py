"""What other tools add to a step, installed from their own requirements and used as they say themselves."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from statistics import median

from bench.lockstep import Arm, lockstep
from bench.steps import HERE, NETS, plain
from bench.table import Row, seen

PACKAGES = HERE / ".packages"
PEERS = ("torchmortem", "cockpit")


def peer(tool: str, net: str) -> Arm:
    """The training under another tool."""
    return Arm([sys.executable, str(HERE / "watched.py"), tool, net], {"PYTHONPATH": str(PACKAGES)})


def peers(net: str, steps: int) -> Iterator[Row]:
    """One network with and without each of the other tools."""
    arms = {tool: peer(tool, net) for tool in PEERS}
    bare = plain(net)
    lockstep([bare, *arms.values()], steps, 1)
    for tool, arm in arms.items():
        ratio = f"does not run: {arm.failure}" if arm.failure else f"{median(arm.cpu) / median(bare.cpu):.2f}"
        yield seen(f"{NETS[net]}: median of {steps} steps under {tool}, CPU", ratio)


def install() -> str:
    """Install the other tools into a folder of their own; returns why that failed, or nothing."""
    PACKAGES.mkdir(exist_ok=True)
    (PACKAGES / ".gitignore").write_text("*\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade", "--target", str(PACKAGES)]
    done = subprocess.run([*command, "-r", str(HERE / "requirements.txt")], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["pip failed"])[-1]
