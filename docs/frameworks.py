"""Writes docs/frameworks.md from what `make test-frameworks` has found: `python docs/frameworks.py RESULTS.xml`."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree

FAULTS = ("lr-too-high", "double-softmax", "graph-detached", "params-not-in-optimizer", "eval-mode-in-training")
TRAININGS = {
    "plain": "a plain loop",
    "notebook": "a notebook",
    "by_hand": "updates written out",
    "lightning": "PyTorch Lightning",
    "hf_trainer": "Hugging Face Trainer",
    "accelerate": "Accelerate, accumulating",
    "keras": "Keras 3 on PyTorch",
    "fastai": "fastai",
    "skorch": "skorch",
    "ddp": "torchrun, DDP, 2 ranks",
    "fsdp": "torchrun, FSDP, 2 ranks",
    "compile": "torch.compile",
    "scaler": "float16 with a scaler",
    "bfloat16": "bfloat16",
    "accumulation": "gradient accumulation",
    "iterable": "IterableDataset",
    "fused": "a fused optimizer",
    "foreach": "a foreach optimizer",
    "lbfgs": "LBFGS",
    "checkpoint": "activation checkpointing",
    "func": "torch.func",
    "two": "two models, two optimizers",
}
HEAD = """# Wherever people train

The same five faults in one network for the digits of scikit-learn, trained in each of these ways with the real library
(`tests/frameworks/`). Yes: the fault is named first, at a line of the user's own script. Hidden: it lies inside a
compiled region, and the report says that it could not look there. Healthy: without a fault the verdict is healthy.
Same: the weights at the end are those of the script alone, bit for bit. Made by `make test-frameworks`.
"""
SOUND = "test_a_sound_program_is_left_in_peace"
APART = """Sound programs under these libraries, by writers who had not seen the rules (`tests/frameworks/sound/`).
Quiet: neither an error nor a warning."""


def main(results: Path) -> None:
    """Write the table."""
    told = {case.get("name", ""): outcome(case) for case in ElementTree.parse(results).iter("testcase")}
    lines = ["| | " + " | ".join(f"`{fault}`" for fault in FAULTS) + " | healthy | same |", "| --- " * 8 + "|"]
    for name, title in TRAININGS.items():
        tests = [f"test_a_fault_has_its_name_and_line[{name}-{fault}]" for fault in FAULTS]
        tests += [f"test_a_healthy_training_is_told_as_healthy[{name}]", f"test_the_weights_are_the_same[{name}]"]
        lines.append(f"| {title} | " + " | ".join(told[test] for test in tests) + " |")
    lines += ["", *APART.splitlines(), "", "| program | |", "| --- | --- |"]
    for test, found in sorted(told.items()):
        if test.startswith(SOUND):
            lines.append(f"| {test[len(SOUND) + 1 : -1].replace('_', ' ')} | {'quiet' if found == 'yes' else found} |")
    Path(__file__).with_name("frameworks.md").write_text(HEAD + "\n" + "\n".join(lines) + "\n", encoding="utf-8")


def outcome(case: ElementTree.Element) -> str:
    """What a test showed, in a word."""
    if case.find("failure") is not None or case.find("error") is not None:
        return "**no**"
    return "hidden" if case.find("properties/property[@value='hidden']") is not None else "yes"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
