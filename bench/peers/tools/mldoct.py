"""`mldoctor check`: it reads the script."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

PACKAGES = ("mldoct==1.0.0",)


def read(script: Path) -> Iterable[str]:
    from mldoctor.linter import lint_script

    findings, _ = lint_script(str(script))
    return [f"{each['type']}: {each['message']}" for each in findings if each["severity"] != "INFO"]
