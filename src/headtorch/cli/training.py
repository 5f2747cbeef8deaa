"""Training: a script that is run, recorded and diagnosed; the script runs outside the parser."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import msgspec

from headtorch import launch
from headtorch.cli.aftermath import Aftermath
from headtorch.cli.live import open_page
from headtorch.cli.options import Choice, has_errors
from headtorch.model import UserError


class Training(msgspec.Struct, frozen=True):
    """A script that is to be run, recorded and diagnosed. Calling it does that and ends the process."""

    script: str
    arguments: tuple[str, ...]
    as_module: bool
    reports: tuple[Path, ...]
    runs: Path
    check: bool
    choice: Choice = Choice()
    fix: bool = False
    live: bool = False
    append: Path | None = None
    level: str = "default"

    def __call__(self) -> NoReturn:
        """Run the script; UserError is raised only before it starts."""
        from headtorch import record, render
        from headtorch.monitor import Monitor
        from headtorch.record.ranks import this_rank
        from headtorch.render.progress import Progress

        if not self.as_module:
            launch.check_script(self.script)
        for path in self.reports:
            render.check_path(path)
        rank = this_rank()
        if rank is not None and self.fix:
            raise UserError(f"cannot try fixes on a training of {rank.ranks} processes: leave out --fix")
        tells = rank is None or rank.rank == 0
        recording = record.begin(
            self.script,
            self.arguments,
            as_module=self.as_module,
            folder=self.runs,
            append=self.append,
            level=self.level,
        )
        if self.live and tells:
            print(f"headtorch: {open_page(recording.path)}", file=sys.stderr, flush=True)
        monitor = Monitor(recording, Progress(sys.stderr if tells else io.StringIO()))

        def end(kind: str, detail: str) -> Path:
            monitor.stop()
            return recording.end(kind, detail)

        aftermath = Aftermath(end, self.reports, self.choice, lambda: recording.trouble, tells)
        argv = [self.script, *self.arguments]
        ending = launch.execute(argv, as_module=self.as_module, at_sigterm=aftermath.report)
        found = aftermath.report(ending)
        if self.fix and found is not None and found.verdict == "faulty":
            self._fix(found.run.file)
        launch.leave(ending, 1 if self.check and found and has_errors(found) else None)

    def _fix(self, run_file: str) -> None:
        """Try fixes, in a process of its own: who knows what the script has made of this one."""
        chosen = [f"--{name}={','.join(names)}" for name, names in msgspec.structs.asdict(self.choice).items() if names]
        reports = [f"--report={path}" for path in self.reports]
        command = [sys.executable, "-m", "headtorch", "fix", f"--runs={self.runs}", *chosen, *reports, run_file]
        subprocess.run(command, check=False)
