"""`runmedic diagnose` of a CSV with loss, rate, gradient norm and held-out loss of each step."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

from bench.peers.attach import Said, Training
from bench.peers.log import Log

PACKAGES = ("runmedic==0.1.1",)
GROUP = "readers"


def watch(training: Training) -> Callable[[], Said]:
    log = Log(training)

    def tell() -> Said:
        with log.file() as path:
            command = [sys.executable, "-m", "runmedic", "diagnose", path, "--json"]
            told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        findings = [finding for run in json.loads(told) for finding in run["findings"]]
        return [f"{each['check']}: {each['title']}" for each in findings if each["severity"] != "info"]

    return tell
