"""Cluster: runs trials as tasks of a Ray cluster, each in a scratch copy on the machine that takes it.

The folders of the script travel once, and each run file comes back with what the run brought. A task whose machine or
process is lost is run again on another: a trial depends on nothing but what travels with it. Every machine needs
headtorch, PyTorch and what the script imports; files that are too large to be copied must lie there by the same path.
"""

from __future__ import annotations

import io
import os
import re
import socket
import tarfile
import tempfile
import threading
from pathlib import Path
from typing import Any, NamedTuple

from headtorch.model import UserError
from headtorch.trials.orders import Ran, Subject, Trial
from headtorch.trials.runner import Runner
from headtorch.trials.workplace import Workplace, decode

PATIENCE = 10.0  # seconds that a cluster has to answer, and cancelled trials to end


class Parcel(NamedTuple):
    """What travels: the subject, its folders as they are called on the user's machine and packed, its environment."""

    subject: Subject
    roots: tuple[Path, ...]
    packed: bytes
    environment: dict[str, str]


class Cluster:
    """Runs a script on a cluster; may be called from several threads."""

    def __init__(self, address: str, subject: Subject, place: Workplace, runs: Path) -> None:
        ray: Any = _connected(address)
        self._ray = ray
        self.jobs = int(ray.cluster_resources().get("CPU", 0))
        if not self.jobs:
            raise UserError(f"the cluster at '{address}' has no CPU to run a trial on")
        self._runs = runs
        self._own = place.scratch / "runs"
        # A lost machine is no fault of the trial's: it is run again as often as that happens.
        remote = ray.remote(num_cpus=1, num_gpus=int("GPU" in ray.cluster_resources()), max_retries=-1)
        self._task = remote(ran_there)
        self._parcel = ray.put(_packed(subject, place))
        self._lock = threading.Lock()
        self._count = 0
        self._running: set[Any] = set()
        self._closed = False

    def run(self, trial: Trial) -> Ran:
        """Run the script on some machine of the cluster."""
        with self._lock:
            self._count += 1
            folder = self._runs if trial.keep else self._own / str(self._count)
            task = self._task.remote(self._parcel, trial)
            self._running.add(task)
            if self._closed:
                self._ray.cancel(task)
        ran: Ran
        try:
            ran, content = self._ray.get(task)
        except self._ray.exceptions.TaskCancelledError:
            return Ran(None, 0, 0.0, (), "was stopped", "")
        except self._ray.exceptions.RayError as error:
            reason = str(error).strip().splitlines()[-1]
            raise UserError(f"the cluster could not run a trial: {reason}") from error
        finally:
            with self._lock:
                self._running.discard(task)
        if ran.run_file is None:
            return ran
        folder.mkdir(parents=True, exist_ok=True)
        run_file = folder / ran.run_file.name
        run_file.write_bytes(content)
        return ran._replace(run_file=run_file)

    def close(self) -> None:
        """Cancel what still runs."""
        with self._lock:
            running, self._closed = list(self._running), True
        for task in running:
            self._ray.cancel(task)
        if running:
            self._ray.wait(running, num_returns=len(running), timeout=PATIENCE)


def _connected(address: str) -> Any:
    try:
        import ray
    except ImportError as error:
        raise UserError("--cluster needs Ray: pip install 'headtorch[cluster]'") from error
    try:
        if (place := re.fullmatch(r"(?:ray://)?([^/]+):(\d+)", address)) is not None:  # Ray itself waits for minutes
            socket.create_connection((place[1], int(place[2])), timeout=PATIENCE).close()
        ray.init(address, ignore_reinit_error=True, log_to_driver=False, configure_logging=False)
    except (OSError, RuntimeError, ValueError, AssertionError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"no Ray cluster answers at '{address}': {reason}") from error
    return ray


def _packed(subject: Subject, place: Workplace) -> Parcel:
    """The folders of a subject as they are now."""
    copy = place.copy({})
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.add(copy.folder, arcname="")
    copy.remove()
    return Parcel(subject, tuple(copy.roots), file.getvalue(), _environment(subject, place))


def _environment(subject: Subject, place: Workplace) -> dict[str, str]:
    """The variables that the script names, and the search path within its own folders."""
    named = set(re.findall(r"""["'](\w+)["']""", decode(place.script)))
    environment = {name: value for name, value in os.environ.items() if name in named}
    paths = [str((subject.folder / entry).resolve()) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    return {**environment, "PYTHONPATH": os.pathsep.join(path for path in paths if place.holds(path))}


def ran_there(parcel: Parcel, trial: Trial) -> tuple[Ran, bytes]:
    """Run a trial on the machine that this is, and return the run file's content with what it brought."""
    subject = parcel.subject
    with tempfile.TemporaryDirectory(prefix="headtorch-") as folder:
        with tarfile.open(fileobj=io.BytesIO(parcel.packed)) as archive:
            # Packed by ourselves: links lead where those of the user's folder do.
            trusted = {"filter": "fully_trusted"} if hasattr(tarfile, "fully_trusted_filter") else {}
            archive.extractall(folder, **trusted)  # type: ignore[arg-type]
        trees = {root: Path(folder, str(number)) for number, root in enumerate(parcel.roots)}
        there = os.environ.get("PYTHONPATH", "")
        path = os.pathsep.join(filter(None, [parcel.environment["PYTHONPATH"], there]))
        with Workplace(subject.folder, subject.file, trees) as place:
            runner = Runner(subject, place, place.scratch / "kept", 1, {**parcel.environment, "PYTHONPATH": path})
            try:
                ran = runner.run(trial)
                return ran, ran.run_file.read_bytes() if ran.run_file is not None else b""
            finally:
                runner.close()
