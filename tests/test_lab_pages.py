"""The pages of the labs in a real browser: live knobs, words for what is refused, a process that may be killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pages import chromium, opened, served
from playwright.sync_api import Browser, Page, expect

from headtorch.labs import all_labs
from headtorch.model import Finding, Report, RunSummary
from headtorch.render.html.parts import findings_part


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`headtorch view` where there is no run."""
    with served(folder=tmp_path_factory.mktemp("nothing")) as found:
        yield found


@pytest.fixture(scope="module")
def address(server: tuple[str, subprocess.Popen[str]]) -> str:
    return server[0]


def at(address: str, path: str) -> str:
    base, _, token = address.partition("/?")
    return f"{base}{path}{'&' if '?' in path else '?'}{token}"


def frame(page: Page) -> str:
    """What is shown once the experiment has ended."""
    expect(page.locator("[data-state=ended]")).to_be_visible()
    return page.locator("[data-frame]").inner_html()


def test_without_a_run_the_labs_are_offered_in_order(browser: Browser, address: str) -> None:
    with opened(browser, address, width=390) as page:
        page.locator("main").get_by_role("link", name="labs").click()
        expect(page.locator(".labs h2")).to_have_text([lab.name for lab in all_labs()])
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.get_by_role("link", name="descent").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("descent")


def test_each_lab_opens_and_shows_a_picture(browser: Browser, address: str) -> None:
    with opened(browser, at(address, "/labs"), width=390) as page:
        for lab in all_labs():
            page.goto(f"{address.partition('?')[0]}lab/{lab.name}")
            expect(page.locator("[data-frame] :is(svg.figure, table.figure)").first).to_be_visible()
            expect(page.locator(".question")).to_contain_text(lab.paragraph("Question:").split("`")[0][:30])
            expect(page.locator(".answer p")).to_be_hidden()
            expect(page.locator("[data-refused]")).to_be_hidden()
            assert page.locator(".claims tbody tr").count() > 0
            assert page.locator("#rules a[href^='/explain/']").count() >= len(lab.rules)
            assert page.locator("#code tr").count() == lab.source.strip().count("\n") + 1
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), lab.name


def test_a_knob_changes_the_picture_and_the_address(browser: Browser, address: str) -> None:
    with opened(browser, at(address, "/lab/dense-layer?steps=60")) as page:
        before = frame(page)
        assert "with none between" in before
        page.get_by_label("between", exact=False).first.select_option("relu")
        expect(page).to_have_url(re.compile(r"\?between=relu&steps=60$"))
        expect(page.locator("[data-frame] h3").first).to_contain_text("with relu between")
        assert frame(page) != before
        # By the keyboard alone, with a slider; the number beside it follows, and so does the address.
        page.get_by_label("width, slider").focus()
        page.keyboard.press("ArrowRight")
        expect(page.locator("#knob-width")).to_have_value("17")
        expect(page).to_have_url(re.compile(r"width=17"))
        kept = frame(page)
        page.reload()
        expect(page.locator("#knob-width")).to_have_value("17")
        assert frame(page) == kept
        page.locator(".answer summary").press("Enter")
        expect(page.locator(".answer p")).to_be_visible()
        page.get_by_role("button", name="As it was").click()
        expect(page).to_have_url(re.compile(r"/lab/dense-layer$"))


def test_a_wrong_value_is_refused_in_words(browser: Browser, address: str) -> None:
    with opened(browser, at(address, "/lab/dense-layer?steps=60"), refused=True) as page:
        frame(page)
        page.locator("#knob-width").fill("99")
        told = page.get_by_role("alert")
        expect(told).to_have_text("'99' is no value of the knob 'width': it takes a whole number from 1 to 64")
        page.locator("#knob-width").fill("8")
        expect(told).to_be_hidden()
        answer = page.goto(f"{address.partition('?')[0]}lab/dense-layer?between=<script>alert(1)</script>")
        assert answer is not None and answer.status == 400
        expect(told).to_contain_text("'<script>alert(1)</script>' is no value of the knob 'between'")
        answer = page.goto(f"{address.partition('?')[0]}lab/dense-layer?height=1")
        assert answer is not None and answer.status == 400
        expect(told).to_contain_text("there is no knob 'height'")


def test_a_second_move_cancels_the_first(browser: Browser, address: str) -> None:
    # The first alone takes longer than this test waits.
    with opened(browser, at(address, "/lab/transfer?way=fine-tuned&each=20&passes=10")) as page:
        expect(page.locator("[data-frame] svg").first).to_be_visible()
        page.goto(f"{address.partition('?')[0]}lab/blocks?steps=300&width=32&blocks=3")
        expect(page.locator("[data-frame] svg").first).to_be_visible()
        for knob, value in (("width", "1"), ("blocks", "1"), ("steps", "20")):
            page.locator(f"#knob-{knob}").fill(value)
        expect(page.locator("[data-frame] h3").first).to_have_text("1 blocks")
        assert "width=1&blocks=1&steps=20" in page.url


def test_the_server_survives_the_death_of_its_worker(
    browser: Browser, server: tuple[str, subprocess.Popen[str]]
) -> None:
    address, process = server
    with opened(browser, at(address, "/lab/recurrence")) as page:
        frame(page)
        os.kill(worker_of(process.pid), signal.SIGKILL)
        page.get_by_label("seed, slider").focus()
        page.keyboard.press("ArrowRight")
        expect(page).to_have_url(re.compile("seed=1"))
        assert "svg" in frame(page)
        expect(page.locator("[data-refused]")).to_be_hidden()
        assert process.poll() is None


def worker_of(server: int) -> int:
    """The process in which a server runs the labs."""
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == server and b"labs.experiment" in (path / "cmdline").read_bytes():
                return int(path.name)
        except OSError:
            continue
    raise AssertionError("the server has no process for the labs")


@pytest.mark.parametrize(("package", "lab"), [("sklearn", "learning-rate"), ("torch", "dense-layer")])
def test_a_missing_package_is_named(browser: Browser, tmp_path: Path, package: str, lab: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(f"import sys\nsys.modules[{package!r}] = None\n", encoding="utf-8")
    paths = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    with (
        served(folder=tmp_path, PYTHONPATH=paths) as (address, _),
        opened(browser, at(address, f"/lab/{lab}"), java_script_enabled=package != "torch") as page,
    ):
        told = page.get_by_role("alert")
        expect(told).to_contain_text(f"the lab '{lab}' needs {package}: install")
        expect(told).to_contain_text("`headtorch[labs]`")
        expect(page.locator(".question")).to_be_visible()


def test_without_scripts_the_form_brings_the_picture(browser: Browser, address: str) -> None:
    with opened(browser, at(address, "/lab/recurrence"), java_script_enabled=False) as page:
        page.locator("#knob-seed").fill("3")
        page.get_by_role("button", name="Run it").click()
        expect(page.locator("[data-frame] svg").first).to_be_visible()
        expect(page.locator("#knob-seed")).to_have_value("3")


def test_rules_link_to_their_labs(browser: Browser, address: str) -> None:
    with opened(browser, at(address, "/explain/lr-too-high")) as page:
        page.get_by_role("link", name="learning-rate").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("learning-rate")
        expect(page.locator("#rules a", has_text="lr-too-high").first).to_be_visible()


def test_a_finding_links_to_its_labs() -> None:
    run = RunSummary("", "train.py", (), 0, 1, "finished", 9, 0, 1, 1, 1, 1, (), "", None)
    report = Report("faulty", run, (Finding("lr-too-high", "error", "each step is too long"),), "")
    assert '<a href="/lab/learning-rate">' in findings_part(report, {}, explain="/explain/")
    alone = findings_part(report, {})  # the page that loads nothing
    assert "<code>headtorch lab learning-rate</code>" in alone and "/lab/" not in alone
