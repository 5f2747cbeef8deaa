"""Resuming: what a process must know of a run file that it appends to, and whether it may."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from headtorch.model import UserError
from headtorch.store.resumed import Resume

if TYPE_CHECKING:
    from headtorch.store.run import Run  # when a file is appended to: no other training waits for it at its start


class Before(msgspec.Struct, frozen=True):
    """What stands in a run file already: so many backward passes and evaluations, and the numbers below `number`."""

    step: int = 0
    evaluations: int = 0
    number: int = 0
    resumes: tuple[Resume, ...] = ()


def resume(path: Path, script: str, as_module: bool) -> Before:
    """What stands in the run file at `path`. Raises UserError when it is not one of the same script."""
    from headtorch.store.run import Run

    written = (
        max(each.stat().st_mtime for each in (path, Path(f"{path}-wal")) if each.exists()) if path.exists() else 0.0
    )
    run = Run(path)
    try:
        if not _is_of(run, script, as_module):
            other = run.facts.get("script", "an unknown script")
            raise UserError(f"cannot append to '{path}': it is a run of '{other}', not of '{script}'")
        number, step = run.next_number, run.steps
        facts = run.facts
        now = Resume(step, number, time.time(), facts.get("ended", written), facts.get("ending", "killed"))
        return Before(step, int(facts.get("evaluations", 0)), number, (*run.resumes, now))
    finally:
        run.close()


def file_of_rank(path: Path, rank: int) -> Path:
    """A rank's own run file, of the job that the run file at `path` is of. Raises UserError when there is none."""
    from headtorch.store.ranks import other_ranks
    from headtorch.store.run import Run

    run = Run(path)
    try:
        files = {int(run.facts.get("rank", 0)): path, **other_ranks(run)}
    finally:
        run.close()
    if rank not in files:
        raise UserError(f"cannot append to '{path}': no run file of rank {rank} of its job lies beside it")
    return files[rank]


def _is_of(run: Run, script: str, as_module: bool) -> bool:
    """Whether a run is one of this script: of the same file or module, or of one with the same name and text."""
    recorded, folder = str(run.facts.get("script", "")), Path(str(run.facts.get("folder", "")))
    if bool(run.facts.get("as_module")) != as_module:
        return False
    if as_module:
        return recorded == script
    path = Path(script).resolve()
    texts = [text for file, text in run.sources.items() if Path(file).name == path.name]
    return (folder / recorded).resolve() == path or path.read_text(encoding="utf-8", errors="replace") in texts
