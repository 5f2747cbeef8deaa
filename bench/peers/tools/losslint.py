"""`losslint check` of a CSV with loss, rate, gradient norm and held-out loss of each step."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from bench.peers.attach import Said, Training
from bench.peers.log import Log

PACKAGES = ("losslint==0.4.1",)
GROUP = "readers"


def watch(training: Training) -> Callable[[], Said]:
    log = Log(training)

    def tell() -> Said:
        with log.file() as path:
            report = Path(path).with_suffix(".json")
            program = "import sys; from losslint.cli import main; sys.exit(main())"
            command = [sys.executable, "-c", program, "check", path, "--json-out", str(report)]
            subprocess.run(command, capture_output=True, check=False)
            findings = json.loads(report.read_text(encoding="utf-8"))["findings"]
        return [f"{each['check']}: {each['message']}" for each in findings if each["severity"] != "info"]

    return tell
