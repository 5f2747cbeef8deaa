"""Runs a script under some tools: `python -m bench.peers.runner TOOLS RESULT SCRIPT ...`.

TOOLS are names with commas between them, or `none`. RESULT is a JSON file: of each tool what it said, and why it broke
down if it did.
"""

from __future__ import annotations

import importlib
import json
import runpy
import sys
import traceback
from pathlib import Path


def main() -> None:
    names, result, script, *arguments = sys.argv[1:]
    modules = {
        name: importlib.import_module(f"bench.peers.tools.{name}") for name in names.split(",") if name != "none"
    }
    if all(hasattr(module, "read") for module in modules.values()) and modules:
        told = {}
        for name, module in modules.items():
            try:
                told[name] = {"said": list(module.read(Path(script))), "trouble": ""}
            except Exception as error:
                told[name] = {"said": [], "trouble": f"{type(error).__name__}: {error}"[:300]}
        Path(result).write_text(json.dumps(told), encoding="utf-8")
        return

    for module in modules.values():
        if hasattr(module, "loop"):
            import torch

            from bench.nets import TASKS

            torch.set_num_threads(1)
            torch.manual_seed(0)
            module.loop(TASKS[arguments[0]]())
            return

    from bench.peers.attach import Enough, Training, Watcher

    watchers = {name: Watcher(module) for name, module in modules.items()}
    Training(watchers.values()).observe()
    sys.argv = [script, *arguments]
    sys.path[0] = str(Path(script).parent)
    trouble = ""
    try:
        runpy.run_path(script, run_name="__main__")
    except Enough:
        pass
    except SystemExit as end:
        trouble = f"the script ended with {end.code}" if end.code else ""
    except BaseException as error:
        traceback.print_exc()
        trouble = f"{type(error).__name__}: {error}"[:300]
    for watcher in watchers.values():
        watcher.end()
    told = {
        name: {"said": list(dict.fromkeys(w.said)), "trouble": w.trouble or trouble} for name, w in watchers.items()
    }
    Path(result).write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main()
