"""`headtorch run`, its errors and warnings."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

PACKAGES = ()


def read(script: Path) -> Iterable[str]:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command = [sys.executable, "-m", "headtorch", "run", "--runs", folder, "--report", str(report), str(script)]
        subprocess.run(command, capture_output=True, check=False)
        findings = json.loads(report.read_text(encoding="utf-8"))["findings"]
    return [each["rule"] for each in findings if each["severity"] in ("error", "warning")]
