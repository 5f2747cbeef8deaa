"""Other tools that watch trainings, on the same scripts as headtorch: `python -m bench.peers`, or `make peers`.

Each tool is one file of tools/, found by scanning that folder. It has

    PACKAGES    what pip installs for it
    GROUP       the process and environment that it shares with others; only tools that read may share one
    watch       a function that is given the training at its first step and returns what tells, at the end, what it said
    read        instead of `watch`, of a tool that reads a script: a function from its path to what is said
    loop        instead of `watch`, of a tool that must be written into the loop: it trains a network of bench/nets.py
    STEPS       the most steps that are timed of it, where not all can be
    NAMES       false for a tool that only draws curves: its cost alone is measured

The first line of its docstring says how it is used.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
TOOLS = sorted(file.stem for file in (FOLDER / "tools").glob("*.py") if file.stem != "__init__")
