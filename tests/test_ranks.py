"""Many processes: a file for each rank, one report for all; what differs between ranks has its name and its line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import LIMIT, SCRIPTS

from headtorch.diagnose import diagnose
from headtorch.record.writer import Writer
from headtorch.store.ranks import await_ranks, other_ranks
from headtorch.store.run import Run

SCRIPT = SCRIPTS / "ranks.py"
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


def line_of(mark: str) -> int:
    return next(n for n, line in enumerate(SCRIPT.read_text().splitlines(), 1) if line.endswith(f"# here: {mark}"))


def started(
    folder: Path, rank: int, *arguments: str, ranks: int = 2, append: Path | None = None
) -> subprocess.Popen[str]:
    """One process of a job whose ranks do not talk, so that it needs no launcher."""
    kept = ["--runs", "runs"] if append is None else ["--append", str(append)]
    return subprocess.Popen(
        [sys.executable, "-m", "headtorch", "run", *kept, "--report", "report.json", str(SCRIPT), *arguments],
        cwd=folder,
        env={**os.environ, "RANK": str(rank), "WORLD_SIZE": str(ranks), "MASTER_PORT": "29400"},
        stderr=subprocess.PIPE,
        text=True,
    )


def under_torchrun(folder: Path, *arguments: str) -> tuple[dict[str, Any], str]:
    """The report of a job of two processes, and what it printed."""
    command = [sys.executable, *TORCHRUN, "-m", "headtorch", "run", "--runs", "runs", "--report", "report.json"]
    ended = subprocess.run(
        [*command, SCRIPT, "ddp", *arguments], cwd=folder, capture_output=True, text=True, timeout=LIMIT
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads((folder / "report.json").read_text()), ended.stderr


def test_a_healthy_job_has_a_file_for_each_rank_and_one_report(tmp_path: Path) -> None:
    report, printed = under_torchrun(tmp_path)
    assert printed.count("headtorch: healthy") == 1 and "100 steps on rank 0 of 2" in " ".join(printed.split())
    assert (report["verdict"], report["findings"], report["notices"]) == ("healthy", [], [])
    assert (report["run"]["rank"], report["run"]["ranks"]) == (0, 2)
    files = sorted(path.name for path in (tmp_path / "runs").iterdir())
    assert [name[-len("-rank0.htdb") :] for name in files] == ["-rank0.htdb", "-rank1.htdb"]


def test_a_model_called_past_its_wrapper_is_found_where_it_is_taken(tmp_path: Path) -> None:
    report, _ = under_torchrun(tmp_path, "past")
    first = report["findings"][0]
    assert (first["rule"], first["where"]["line"]) == ("ranks-out-of-sync", line_of("called"))


def test_ranks_that_shuffle_all_the_data_each_for_itself(tmp_path: Path) -> None:
    jobs = [started(tmp_path, rank, "unseeded") for rank in range(2)]
    printed = [job.communicate(timeout=LIMIT)[1] for job in jobs]
    assert "headtorch" not in printed[1]
    found = json.loads((tmp_path / "report.json").read_text())["findings"]
    lines = {finding["rule"]: finding["where"]["line"] for finding in found}
    assert lines["data-not-sharded"] == line_of("loader")
    assert lines["ranks-out-of-sync"] == line_of("called")  # for the script says how it is wrapped
    assert "in another order" in next(f["message"] for f in found if f["rule"] == "data-not-sharded")


def test_each_rank_appends_to_its_own_file(tmp_path: Path) -> None:
    for job in [started(tmp_path, rank) for rank in range(2)]:
        job.communicate(timeout=LIMIT)
    first, second = sorted((tmp_path / "runs").iterdir(), key=lambda path: path.name[-6:])
    steps = Run(second).steps
    jobs = [started(tmp_path, rank, append=first) for rank in range(2)]
    told = [job.communicate(timeout=LIMIT)[1] for job in jobs]
    assert "healthy" in told[0] and told[1] == "" and [job.returncode for job in jobs] == [0, 0]
    assert sorted((tmp_path / "runs").glob("*.htdb")) == sorted([first, second])
    assert Run(second).steps == 2 * steps
    third = started(tmp_path, 2, ranks=3, append=first)
    assert third.communicate(timeout=LIMIT)[1] == (
        f"headtorch: cannot append to '{first}': no run file of rank 2 of its job lies beside it\n"
    )
    assert third.returncode == 2


def test_a_rank_without_a_file_is_named(tmp_path: Path) -> None:
    job = started(tmp_path, 1, ranks=3)
    assert job.communicate(timeout=LIMIT)[1] == ""
    (path,) = (tmp_path / "runs").glob("*.htdb")
    report, _ = diagnose(path)
    assert report.notices == ("no run files of ranks 0, 2 beside this one: what differs there could not be looked at",)


def test_fixes_are_not_tried_on_several_processes(tmp_path: Path) -> None:
    refused = subprocess.run(
        [sys.executable, "-m", "headtorch", "run", "--fix", SCRIPT],
        cwd=tmp_path,
        env={**os.environ, "RANK": "0", "WORLD_SIZE": "2"},
        capture_output=True,
        text=True,
    )
    assert refused.returncode == 2
    assert refused.stderr == "headtorch: cannot try fixes on a training of 2 processes: leave out --fix\n"


# ---- which files belong together ---------------------------------------------------------------------------------


def file(folder: Path, rank: int, job: str, started: float, ended: float | None, name: str = "t") -> Path:
    path = folder / f"{name}-rank{rank}.htdb"
    writer = Writer(path)
    facts = {"rank": rank, "ranks": 2, "job": job, "started": started} | ({} if ended is None else {"ended": ended})
    for key, value in facts.items():
        writer.fact(key, value)
    writer.close()
    return path


def test_only_files_of_the_same_job_and_time_belong_together(tmp_path: Path) -> None:
    mine = file(tmp_path, 0, "a", 100.0, 200.0)
    file(tmp_path, 1, "a", 10.0, 90.0, "before")
    file(tmp_path, 1, "b", 100.0, 200.0, "other")
    assert other_ranks(Run(mine)) == {}
    theirs = file(tmp_path, 1, "a", 101.0, 199.0)
    (tmp_path / "broken-rank1.htdb").write_text("no run file")
    assert other_ranks(Run(mine)) == {1: theirs}
    alone = tmp_path / "alone.htdb"
    Writer(alone).close()
    assert other_ranks(Run(alone)) == {}


@pytest.mark.parametrize("others", ["ended", "running", "missing"])
def test_waiting_for_ranks_comes_to_an_end(others: str, tmp_path: Path) -> None:
    mine = file(tmp_path, 0, "a", 100.0, None)
    if others != "missing":
        file(tmp_path, 1, "a", 100.0, 200.0 if others == "ended" else None)
    await_ranks(mine, patience=0.3)
    notices = diagnose(mine)[0].notices
    assert any("no run file of rank 1" in notice for notice in notices) == (others == "missing")
