"""Writing reports to files: the format follows from the name, the file is whole or not there."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from golden.reports import TRAIN, reports

from headtorch import render
from headtorch.model import Report, UserError
from headtorch.render import text


@pytest.fixture
def report(tmp_path: Path) -> Report:
    return reports(tmp_path)["one-cause"]


def test_the_ending_chooses_the_format(report: Report, tmp_path: Path) -> None:
    sources = {str(tmp_path / "train.py"): TRAIN}
    render.write(report, sources, tmp_path / "a.json")
    render.write(report, sources, tmp_path / "b.TXT")
    assert json.loads((tmp_path / "a.json").read_bytes())["verdict"] == "faulty"
    assert (tmp_path / "b.TXT").read_text(encoding="utf-8") == text.render(report, sources)


@pytest.mark.parametrize("name", ["report.doc", "report", ".json"])
def test_an_unknown_ending_is_refused_with_the_known_ones(name: str, report: Report, tmp_path: Path) -> None:
    for refused in (lambda: render.check_path(tmp_path / name), lambda: render.write(report, {}, tmp_path / name)):
        with pytest.raises(UserError, match=r"its name must end in \.html or .*\.json or .*\.xml$"):
            refused()
    assert list(tmp_path.iterdir()) == []


def test_a_format_is_one_new_module(report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = tmp_path / "shout.py"
    module.write_text('SUFFIX = ".shout"\ndef render(report, sources):\n    return report.verdict.upper()\n')
    monkeypatch.setattr(render, "__path__", [*render.__path__, str(tmp_path)])
    render.write(report, {}, tmp_path / "a.shout")
    monkeypatch.delitem(sys.modules, "headtorch.render.shout")
    assert (tmp_path / "a.shout").read_text() == "FAULTY"


def test_a_file_is_replaced_as_any_program_would_write_it(report: Report, tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    kept.write_text("old")
    link = tmp_path / "link.json"
    link.symlink_to(kept)
    ordinary = tmp_path / "ordinary"
    ordinary.touch()
    render.write(report, {}, link)
    assert link.is_symlink() and json.loads(kept.read_bytes())
    assert stat.S_IMODE(kept.stat().st_mode) == stat.S_IMODE(ordinary.stat().st_mode)


@pytest.mark.parametrize("name", ["missing/report.json", "file/report.json", "folder.json"])
def test_a_path_that_cannot_be_written_is_one_sentence(name: str, report: Report, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder.json").mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UserError, match=r"^cannot write '.*': [A-Z][\w ]+$"):
        render.write(report, {}, tmp_path / name)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_name_that_is_no_utf8_can_be_written(report: Report, tmp_path: Path) -> None:
    name = os.fsdecode(b"/data/\xff.py")
    odd = reports(Path(name))["one-cause"]
    render.write(odd, {}, tmp_path / "a.json")
    render.write(odd, {}, tmp_path / "a.txt")
    assert json.loads((tmp_path / "a.json").read_bytes())["run"]["script"] == f"{name}/train.py"
    assert "/data/\\udcff.py/train.py" in (tmp_path / "a.txt").read_text(encoding="utf-8")


def test_a_report_is_drawn_without_torch() -> None:
    code = (
        "import sys, pathlib, headtorch.render as r; r.check_path(pathlib.Path('a.txt')); print('torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"
