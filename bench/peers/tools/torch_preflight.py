"""`torch-preflight check`: it reads the script."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

PACKAGES = ("torch-preflight==0.5.0",)


def read(script: Path) -> Iterable[str]:
    command = [sys.executable, "-m", "torch_preflight", "check", str(script), "--format", "json"]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    diagnostics = json.loads(told)["diagnostics"]
    return [f"{each['code']} {each['message']}" for each in diagnostics if each["severity"] != "note"]
