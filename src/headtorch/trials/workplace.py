"""Workplace: a scratch copy of the folders that a script runs in, so that a trial touches nothing of the user's.

Copied are the working folder and the script's own, but for what is large or made by tools: such files and folders stand
there as links, and a trial that opens one of them for writing through Python fails. What a copy cannot contain: the
network, databases, devices, and files that compiled code or another program writes by an absolute path.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from headtorch.model import UserError

NOT_COPIED = {"venv", "node_modules"}  # nor folders whose name begins with a dot: a tool keeps its own there
NOT_NEEDED = {"__pycache__", "headtorch-runs", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
LARGE = 8 * 2**20  # bytes of a file
MOST_BYTES = 256 * 2**20
MOST_FILES = 20_000


class Workplace:
    """Makes scratch copies of a working folder and a script's folder; a context manager that removes them.

    Their files are read from `trees`, by folder, where these lie elsewhere than on the user's machine.
    """

    def __init__(self, folder: Path, script: Path, trees: Mapping[Path, Path] | None = None) -> None:
        self.folder = folder.resolve()
        self.script = script.resolve()
        own = self.script.parent
        self._roots = [self.folder] if own.is_relative_to(self.folder) else [self.folder, own]
        self._trees = trees or {}
        self._temporary = tempfile.TemporaryDirectory(prefix="headtorch-", ignore_cleanup_errors=True)
        self.scratch = Path(self._temporary.name).resolve()
        self._copies = 0

    def __enter__(self) -> Workplace:
        return self

    def __exit__(self, *_: object) -> None:
        self._temporary.cleanup()

    def holds(self, file: str) -> bool:
        """Whether a file lies in a folder that is copied."""
        return any(Path(file).is_relative_to(root) for root in self._roots)

    def copy(self, sources: Mapping[str, str]) -> Copy:
        """A fresh copy, in which the named files have another text. Raises UserError when it would be too large."""
        self._copies += 1
        target = self.scratch / str(self._copies)
        budget = _Budget()
        for number, root in enumerate(self._roots):
            budget.copy(self._trees.get(root, root), target / str(number), self.scratch)
        copy = Copy(target, dict(zip(self._roots, (target / str(n) for n in range(len(self._roots))), strict=True)))
        for file, text in sources.items():
            there = copy.path(Path(file))
            content = encode(text, there)
            if there.is_symlink():
                there.unlink()
            there.write_bytes(content)
        return copy


class Copy:
    """One scratch copy."""

    def __init__(self, folder: Path, roots: Mapping[Path, Path]) -> None:
        self.folder = folder
        self.roots = roots

    def path(self, original: Path) -> Path:
        """Where the copy of a file or folder lies."""
        for root, there in self.roots.items():
            if original.is_relative_to(root):
                return there / original.relative_to(root)
        raise UserError(f"'{original}' lies outside of the working folder")

    def remove(self) -> None:
        """Remove it."""
        shutil.rmtree(self.folder, ignore_errors=True)


class _Budget:
    """How much of a tree has been copied."""

    def __init__(self) -> None:
        self._files = 0
        self._bytes = 0

    def copy(self, source: Path, target: Path, scratch: Path) -> None:
        target.mkdir(parents=True)
        with os.scandir(source) as entries:
            for entry in entries:
                there = target / entry.name
                if entry.name in NOT_NEEDED or Path(entry.path) == scratch:
                    continue
                if entry.is_symlink() or (entry.is_dir() and (entry.name in NOT_COPIED or entry.name[0] == ".")):
                    there.symlink_to(Path(entry.path).resolve())
                elif entry.is_dir():
                    self.copy(Path(entry.path), there, scratch)
                elif entry.is_file():
                    self._file(entry, there)

    def _file(self, entry: os.DirEntry[str], there: Path) -> None:
        self._files += 1
        if self._files > MOST_FILES:
            raise UserError(
                f"cannot try anything: the working folder holds more than {MOST_FILES:,} files, and a trial runs in a "
                "copy of it; start from a smaller folder"
            )
        size = entry.stat().st_size
        if size > LARGE or self._bytes + size > MOST_BYTES:
            there.symlink_to(entry.path)
        else:
            self._bytes += size
            shutil.copy2(entry.path, there)


def decode(file: Path) -> str:
    """The text of a source file, with its own line ends. Raises UserError when it cannot be read as one."""
    import io
    import tokenize

    try:
        content = file.read_bytes()
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        return content.decode(encoding)
    except (OSError, SyntaxError, UnicodeError, LookupError) as error:
        raise UserError(f"cannot read '{file}' as a Python source: {error}") from error


def encode(text: str, like: Path) -> bytes:
    """The bytes of a source in the encoding that the file has."""
    import io
    import tokenize

    with like.open("rb") as file:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(file.read()).readline)
    return text.encode(encoding)
