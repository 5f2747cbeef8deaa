"""The project itself: its pages are in step with its code, its rules fit together, it names no machine."""

from __future__ import annotations

import ast
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from headtorch.rules import all_rules

ROOT = Path(__file__).parent.parent
RULES = sorted(path for path in (ROOT / "src" / "headtorch" / "rules").glob("*.py") if path.stem != "__init__")
MACHINES = re.compile(rb"/(?:work|root|Users|mnt)/\w|\bpy(?:pi\.org|thonhosted)")


def test_pages_are_in_step_with_the_code() -> None:
    renew = runpy.run_path(str(ROOT / "docs" / "renew.py"))
    for file, parts in renew["PARTS"].items():
        page = (ROOT / file).read_text(encoding="utf-8")
        for name, make in parts.items():
            if name != "demo":  # its times and dates differ from run to run
                assert renew["renewed"](page, name, make()) == page, f"{name} in {file}: run `make docs`"
                assert make() in page
    assert "error[lr-too-high]" in (ROOT / "README.md").read_text(encoding="utf-8")
    quantity = (ROOT / "src/headtorch/record/quantities/zero_share.py").read_text(encoding="utf-8")
    assert quantity in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_the_catalogue_is_in_step_with_the_rules() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "renew.py"))["catalogue"]()
    written = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "rules").iterdir()}
    changed = sorted(name for name in made | written if made.get(name) != written.get(name))
    assert not changed, f"docs/rules/ is not in step with the docstrings and demos of {changed}: run `make docs`"


def test_the_page_of_faults_is_in_step_with_the_tests() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "faults.py"))["page"]()
    assert made.count("\n|") > 20
    assert made == (ROOT / "docs" / "faults.md").read_text(encoding="utf-8"), "run `make docs`"


def test_markdown_shows_a_docstring_as_it_is() -> None:
    plain = runpy.run_path(str(ROOT / "docs" / "renew.py"))["_plain"]
    assert plain("|g| of `a_b * |c|`, w_1*w_2 <x> [y]") == r"\|g\| of `a_b * |c|`, w\_1\*w\_2 \<x\> \[y\]"


def test_the_sources_list_what_the_rules_cite() -> None:
    entries = re.findall(
        r"^- (.+?)(?= \()(?: \((\d{4})\))", (ROOT / "docs/sources.md").read_text("utf-8"), re.MULTILINE
    )
    listed = {(re.split("[, ]", authors)[0], year) for authors, year in entries}
    pattern = r"([A-Z]\w+)(?:,? et al\.| & [A-Z]\w+)?,? (?:\"[^\"]+\", |CS231n, )?\(?((?:19|20)\d\d)\b"
    cited = {cite: rule.name for rule in all_rules() for cite in re.findall(pattern, rule.page)}
    assert len(cited) > 10
    assert {cite: name for cite, name in cited.items() if cite not in listed} == {}, "add them to docs/sources.md"
    assert listed - set(cited) == set(), "no page cites these any more"


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_a_threshold_has_its_reason_beside_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.value).startswith(("Slip(", "(Slip(")):
            continue  # how sure one is of a slip stands beside what is said of it
        if isinstance(node, ast.Assign) and any(
            isinstance(part, ast.Constant) and isinstance(part.value, (int, float)) for part in ast.walk(node.value)
        ):
            line = text.splitlines()[node.lineno - 1]
            assert re.search(r"  # \S+ \S+ \S+", line), (
                f"line {node.lineno}: why is this the number? Say so in a comment"
            )


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_a_number_that_judges_has_a_name(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        sides = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
        numbers = [side.value for side in sides if isinstance(side, ast.Constant) and isinstance(side.value, float)]
        unnamed = [number for number in numbers if number not in (0.0, 1.0)]
        assert not unnamed, f"line {node.lineno} compares with {unnamed}: make it a constant with its reason beside it"


def test_pages_name_only_files_that_exist() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    for page in pages:
        text = page.read_text(encoding="utf-8")
        prose = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)  # f[0](x) in code is no link
        links = re.findall(r"\]\((?!http)([^)#]+)\)", prose)
        paths = re.findall(r"`((?:src|tests|docs|examples|bench)/[\w./-]+)`", text)
        missing = [name for name in links if not (page.parent / name).exists()]
        missing += [name for name in paths if not (ROOT / name).exists()]
        assert not missing, f"{page.name} names {missing}"


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_a_rule_gives_its_own_name_to_its_findings(path: Path) -> None:
    calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    findings = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Finding"]
    assert findings
    for call in findings:
        names = [ast.literal_eval(keyword.value) for keyword in call.keywords if keyword.arg == "rule"]
        assert names == [path.stem.replace("_", "-")]


def test_rules_lead_to_rules_that_exist() -> None:
    names = {rule.name for rule in all_rules()}
    assert names == {path.stem.replace("_", "-") for path in RULES}
    assert {rule.name: set(rule.leads_to) - names for rule in all_rules() if set(rule.leads_to) - names} == {}


def test_a_rule_imports_no_torch() -> None:
    assert not [path.name for path in RULES if re.search(r"^\s*(import|from) torch", path.read_text(), re.MULTILINE)]


def test_the_command_line_starts_without_what_only_a_training_needs() -> None:
    code = "import sys, headtorch.cli; print({'torch', 'sklearn', 'scipy', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_the_test_command_runs_every_check() -> None:
    listed = subprocess.run(["make", "--dry-run", "test"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for check in ("ruff check", "ruff format --check", "mypy", "lint-imports", "pytest"):
        assert re.search(rf"^\.venv/bin/{check}", listed, re.MULTILINE), check
    assert "make test" in (ROOT / ".ci" / "run").read_text()


def test_files_name_no_machine() -> None:
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("not a clone")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    files = [ROOT / name.decode() for name in listed.split(b"\0") if name]
    here = re.compile(re.escape(str(ROOT)).encode())
    named = [
        str(path) for path in files if path.is_file() and any(p.search(path.read_bytes()) for p in (MACHINES, here))
    ]
    assert files and not named
