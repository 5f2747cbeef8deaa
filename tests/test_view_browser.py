"""The page in a real browser: a training that runs and dies, two runs over each other, the report from a file."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pages import TRAINS, chromium, opened, served
from playwright.sync_api import Browser, Locator, Page, expect

EXAMPLE = Path(__file__).parent.parent / "examples" / "iris.py"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two runs of one hostile script, and the report of the second."""
    folder = tmp_path_factory.mktemp("pages")
    script = folder / "train.py"
    script.write_text(TRAINS, encoding="utf-8")
    for rate, steps in (("0.05", "120"), ("3", "150")):
        command = [sys.executable, "-m", "headtorch", "run", "--runs", "runs", "--report", "report.html", "train.py"]
        subprocess.run([*command, rate, steps], cwd=folder, check=True, capture_output=True)
    return folder


# Its loss falls from 100 to 0.147, by the same factor each step: the axis begins at 0.147 / 1.5, just below a tenth.
FALLS = """
import torch
model = torch.nn.Linear(1, 1, bias=False)
torch.nn.init.constant_(model.weight, 10.0)
optimizer = torch.optim.SGD(model.parameters(), lr=(1 - 0.00147 ** (1 / 24)) / 2)
for step in range(13):
    loss = model(torch.ones(1, 1)).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""


def fits_the_width(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def drag(page: Page, area: Locator, start: float, end: float) -> None:
    """Drag from one share of an area's width to another, each once the area lies still and nothing covers it."""
    area.scroll_into_view_if_needed()
    for share, then in ((start, page.mouse.down), ((start + end) / 2, None), (end, page.mouse.up)):
        box = area.bounding_box()
        assert box is not None
        area.hover(position={"x": box["width"] * share, "y": 50})
        if then is not None:
            then()


def expect_range(page: Page, low: str, high: str) -> None:
    """Wait until the chart of the loss shows steps that match two patterns."""
    expect(page.locator("[data-chart]")).to_have_attribute("data-shown", re.compile(f"^(?:{low}) (?:{high})$"))


def test_a_training_is_followed_and_survives_its_viewers(browser: Browser, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "headtorch", "run", "--live", "--runs", "runs", str(EXAMPLE)]
    training = subprocess.Popen(
        [*command, "--lr", "2", "--epochs", "1000000"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    viewer = 0
    try:
        assert training.stderr is not None
        address = training.stderr.readline().removeprefix("headtorch: ").strip()
        (run_file,) = (tmp_path / "runs").glob("*.htdb")
        viewer = _process_of(f"view --until-left {run_file}".encode())
        with opened(browser, address) as page:
            expect(page.get_by_text("training now")).to_be_visible()
            # Its finding appears while it trains, and the loss goes on.
            expect(page.locator("#finding-lr-too-high h3")).to_be_visible()
            expect(page.locator(".plotted canvas").first).to_be_visible()
            expect_range(page, "0", r"\d{1,9}")
            before = page.locator("[data-chart]").get_attribute("data-shown")
            expect(page.locator(".facts dd").first).to_have_text(re.compile(r"\d,\d{3}"))
            expect(page.locator("[data-chart]")).not_to_have_attribute("data-shown", before or "")
            assert "token" not in page.url
        os.kill(viewer, signal.SIGKILL)
        assert training.poll() is None
        with served(str(run_file), folder=tmp_path) as (address, process), opened(browser, address, lost=True) as page:
            expect(page.get_by_text("training now")).to_be_visible()
            training.kill()
            training.wait()
            expect(page.locator(".eyebrow", has_text="killed before it could end")).to_be_visible()
            expect(page.locator("#finding-lr-too-high h3")).to_be_visible()
            process.kill()
            expect(page.get_by_role("status")).to_contain_text("headtorch view has ended")
    finally:
        training.kill()
        training.communicate()


def _process_of(words: bytes) -> int:
    """The process whose command line ends in these words."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().replace(b"\0", b" ").strip().endswith(words):
                return int(path.parent.name)
        except OSError:
            continue
    raise AssertionError(f"no process ends in {words!r}")


def test_a_finished_run_zooms_opens_layers_and_takes_keys(browser: Browser, folder: Path) -> None:
    (run_file,) = sorted((folder / "runs").glob("*.htdb"))[1:]
    with served(str(run_file), folder=folder) as (address, _), opened(browser, address) as page:
        plot = page.locator(".plotted")
        expect(plot.locator("canvas").first).to_be_visible()
        expect_range(page, "0", "149")
        # A drag zooms, and so do keys.
        drag(page, plot.locator(".u-over").first, 0.25, 0.5)
        expect_range(page, "3[0-9]|4[0-5]", "6[5-9]|7[0-9]")
        plot.focus()
        page.keyboard.press("0")
        expect_range(page, "0", "149")
        page.keyboard.press("+")
        expect_range(page, "3[0-9]", "11[0-9]")
        for _ in range(12):
            page.keyboard.press("+")  # to the two steps beside the middle, and no further
        expect_range(page, "7[0-9]", "7[0-9]")
        first, last = (page.locator("[data-chart]").get_attribute("data-shown") or "").split()
        assert int(last) > int(first)
        page.keyboard.press("0")
        expect_range(page, "0", "149")
        page.keyboard.press("+")
        expect_range(page, "3[0-9]", "11[0-9]")
        page.keyboard.press("ArrowRight")
        expect(plot.locator(".u-legend .u-value").first).not_to_have_text("–")
        # A click opens the history of a layer, and so does a key; the hostile name is text.
        page.locator("svg.strip a").first.click()
        expect(page.locator(".history h3")).to_have_text("first.weight")
        page.locator(".strip-panel").first.focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(page.locator(".history h3")).to_have_text(r"last\u202e\x1b[31m.weight")
        expect(page.locator(".graph")).to_contain_text("<img src=x onerror=alert(2)>")
        expect(page.locator(".graph")).to_contain_text("<script>alert(1)</script>")


def test_a_logarithmic_axis_begins_below_a_power_of_ten(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "falls.py").write_text(FALLS, encoding="utf-8")
    command = [sys.executable, "-m", "headtorch", "run", "--runs", "runs", "--report", "falls.html", "falls.py"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    with opened(browser, (tmp_path / "falls.html").as_uri()) as page:
        page.get_by_label("logarithmic").check()
        expect(page.locator(".y-label").first).to_have_text("loss, logarithmic")
        expect(page.locator(".plotted canvas").first).to_be_visible()
        expect_range(page, "0", "12")


def test_dark_light_and_a_phone(browser: Browser, folder: Path) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    report = (folder / "report.html").as_uri()
    with opened(browser, report, width=390, color_scheme="dark") as page:
        assert page.evaluate(ground) == "rgb(16, 19, 23)"
        assert fits_the_width(page)
        page.get_by_role("button", name="Dark or light").click()
        assert page.evaluate(ground) == "rgb(247, 247, 245)"
    with served("--runs", "runs", folder=folder) as (address, _), opened(browser, address, width=390) as page:
        assert fits_the_width(page)
        expect(page.locator("[data-verdict]").first).not_to_have_text("…")


def test_two_runs_lie_over_each_other(browser: Browser, folder: Path) -> None:
    files = sorted(map(str, (folder / "runs").glob("*.htdb")))
    with served(*files, folder=folder) as (address, _), opened(browser, address) as page:
        legend = page.locator(".u-legend").first
        expect(legend).to_contain_text("A training")
        expect(legend).to_contain_text("B training")
        settings = page.locator(".differences")
        expect(settings).to_contain_text("0.05")
        expect(settings.locator("tr", has_text="lr")).to_contain_text("3")
        expect(page.get_by_text("The sources are the same.")).to_be_visible()
        assert fits_the_width(page)


def test_the_list_of_runs_is_sorted_and_filtered(browser: Browser, folder: Path) -> None:
    with served("--runs", "runs", folder=folder) as (address, _), opened(browser, address) as page:
        rows = page.locator("tbody tr")
        expect(rows).to_have_count(2)
        page.get_by_role("button", name="steps").click()
        expect(rows.first).to_contain_text("150")
        page.get_by_role("button", name="steps").click()
        expect(rows.first).to_contain_text("120")
        page.get_by_role("searchbox").fill("train 150")
        expect(page.locator("tbody tr:visible")).to_have_count(1)
        page.get_by_role("searchbox").fill("")
        for box in page.get_by_role("checkbox").all():
            box.check()
        page.get_by_role("button", name="Compare").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("2 runs compared")


def test_the_report_opens_from_a_file_without_a_network(browser: Browser, folder: Path) -> None:
    report = folder / "report.html"
    with opened(browser, report.as_uri(), offline=True) as page:
        expect(page.locator("h1")).to_contain_text("train.py")
        expect(page.locator(".plotted canvas").first).to_be_visible()
        expect(page.locator(".card h3").first).to_be_visible()
        expect_range(page, "0", "149")
        page.locator(".plotted").focus()
        page.keyboard.press("+")
        expect_range(page, "3[0-9]", "11[0-9]")
        page.locator("svg.strip a").first.click()
        expect(page.locator(".history:visible h3")).to_have_text("first.weight")
        page.locator("summary", has_text="Why").first.click()
        expect(page.get_by_text("Why learning fails:").first).to_be_visible()
        expect(page.locator("#source")).to_contain_text("</script><script>alert(3)</script>")
    assert report.stat().st_size < 400_000
    assert not re.search(r"(?:src|href)=\"(?!#|data:image/svg)", report.read_text(encoding="utf-8"))


def test_the_report_shows_all_without_scripts(browser: Browser, folder: Path) -> None:
    report = (folder / "report.html").as_uri()
    with opened(browser, report, java_script_enabled=False) as page:
        expect(page.locator("svg.chart").first).to_be_visible()
        expect(page.locator(".history").first).to_be_visible()
        expect(page.get_by_text("The loss as a table")).to_be_visible()
