"""The build hook that takes uPlot from npm into headtorch's folder: its code is in no commit, the page fetches nothing.

Without npm the build goes on, and the page draws its charts without zoom.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VERSION = "1.6.32"
SHA512 = "KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw=="
FILES = ("dist/uPlot.iife.min.js", "dist/uPlot.min.css", "LICENSE")
FOLDER = "src/headtorch/render/html/static/uplot"


class UPlotHook(BuildHookInterface):  # type: ignore[misc]
    """Puts uPlot where the page looks for it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Fetch it once; `version` is "editable" or "standard"."""
        folder = Path(self.root) / FOLDER
        if not all((folder / Path(name).name).exists() for name in FILES):
            try:
                fetch(folder)
            except (OSError, subprocess.SubprocessError, tarfile.TarError, KeyError) as error:
                self.app.display_warning(f"uPlot could not be fetched, the page will have no zoom: {error}")


def fetch(folder: Path) -> None:
    """Fetch the locked version with npm and unpack what is needed of it; nothing is run."""
    if (npm := shutil.which("npm")) is None:
        raise OSError("npm is not installed")
    with tempfile.TemporaryDirectory() as scratch:
        command = [npm, "pack", f"uplot@{VERSION}", "--ignore-scripts", "--silent"]
        subprocess.run(command, cwd=scratch, check=True, capture_output=True, timeout=120)
        (package,) = Path(scratch).glob("*.tgz")
        found = base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode()
        if found != SHA512:
            raise OSError(f"uplot {VERSION} is not what it was: sha512 is {found}")
        folder.mkdir(parents=True, exist_ok=True)
        with tarfile.open(package) as files:
            for name in FILES:
                member = files.extractfile(f"package/{name}")
                assert member is not None
                (folder / Path(name).name).write_bytes(member.read())
