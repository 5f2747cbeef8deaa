"""Training: a script that is run, recorded and diagnosed; the script runs outside the parser."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NoReturn

import msgspec

from headtorch import launch
from headtorch.cli.aftermath import Aftermath
from headtorch.cli.options import Choice, has_errors


class Training(msgspec.Struct, frozen=True):
    """A script that is to be run, recorded and diagnosed. Calling it does that and ends the process."""

    script: str
    arguments: tuple[str, ...]
    as_module: bool
    reports: tuple[Path, ...]
    runs: Path
    check: bool
    choice: Choice = Choice()

    def __call__(self) -> NoReturn:
        """Run the script; UserError is raised only before it starts."""
        from headtorch import record, render
        from headtorch.render.progress import Progress
        from headtorch.watch import Watch

        if not self.as_module:
            launch.check_script(self.script)
        for path in self.reports:
            render.check_path(path)
        recording = record.begin(script=self.script, argv=self.arguments, as_module=self.as_module, folder=self.runs)
        watch = Watch(recording, Progress(sys.stderr))

        def end(kind: str, detail: str) -> Path:
            watch.stop()
            return recording.end(kind, detail)

        aftermath = Aftermath(end, self.reports, self.choice, lambda: recording.trouble)
        argv = [self.script, *self.arguments]
        ending = launch.execute(argv, as_module=self.as_module, at_sigterm=aftermath.report)
        found = aftermath.report(ending)
        launch.leave(ending, 1 if self.check and found and has_errors(found) else None)
