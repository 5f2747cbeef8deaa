"""The tools' environments: one for each group, on top of the one that runs this, so that none changes another's."""

from __future__ import annotations

import importlib
import subprocess
import sys
import sysconfig
import venv
from typing import Any

from bench.peers import FOLDER, TOOLS

ENVIRONMENTS = FOLDER.parent / ".environments"
CONSTRAINTS = FOLDER.parent.parent / "constraints-dev.txt"


def tool(name: str) -> Any:
    """A tool's module; its packages are imported only when it watches."""
    return importlib.import_module(f"bench.peers.tools.{name}")


def group(name: str) -> str:
    """The group of a tool."""
    return getattr(tool(name), "GROUP", name)


def groups() -> dict[str, list[str]]:
    """The groups, each with its tools."""
    found: dict[str, list[str]] = {}
    for name in TOOLS:
        found.setdefault(group(name), []).append(name)
    return found


def python(of: str) -> str:
    """The interpreter of a group."""
    home = ENVIRONMENTS / of
    return str(home / "bin" / "python") if (home / "installed").exists() else sys.executable


def install(of: str) -> str:
    """Make the environment of a group; returns why that failed, or nothing."""
    packages = [package for name in groups()[of] for package in tool(name).PACKAGES]
    home = ENVIRONMENTS / of
    done = home / "installed"
    if not packages or (done.exists() and done.read_text(encoding="utf-8").split() == packages):
        return ""
    ENVIRONMENTS.mkdir(exist_ok=True)
    (ENVIRONMENTS / ".gitignore").write_text("*\n", encoding="utf-8")
    venv.create(home, with_pip=False, clear=True)
    # PyTorch and all else that is there already is seen from here, and is not installed again.
    base = sysconfig.get_paths()["purelib"]
    own = next(home.glob("lib/python*/site-packages"), home / "Lib" / "site-packages")
    (own / "base.pth").write_text(base + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "--python", str(home / "bin" / "python"), "install", "--quiet"]
    ran = subprocess.run(
        [*command, "--constraint", str(CONSTRAINTS), *packages], capture_output=True, text=True, check=False
    )
    if ran.returncode:
        return (ran.stderr.strip().splitlines() or ["pip failed"])[-1]
    done.write_text("\n".join(packages), encoding="utf-8")
    return ""
