"""Renews docs/screenshots/: each view of the page at 1440 and 390 pixels, of real trainings. By `make screenshots`."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "screenshots"
WIDTHS = (1440, 390)
HEIGHTS = {1440: 1000, 390: 844}
EXAMPLE = ROOT / "examples" / "iris.py"
LABS = ("descent", "learning-rate", "convolution", "bumps")
DEEP = ROOT / "src" / "headtorch" / "demos" / "no_skip_too_deep.py"


def main() -> None:
    """Record, serve, take the pictures."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # Copies: lines in headtorch's own folder are never told, and paths of this machine belong in no picture.
        shutil.copy(EXAMPLE, folder / "iris.py")
        shutil.copy(DEEP, folder / "digits.py")
        for arguments in (["digits.py"], ["iris.py"], ["iris.py", "--lr", "2"]):
            record(folder, *arguments)
        files = sorted((folder / "headtorch-runs").glob("*.htdb"), key=lambda path: path.stat().st_mtime)
        deep, sound, sick = (path.stem for path in files)
        command = [sys.executable, "-m", "headtorch", "view", "--no-browser"]
        server = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            address, _, token = server.stdout.readline().strip().partition("/?token=")
            with sync_playwright() as playwright:
                found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
                browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
                for width in WIDTHS:
                    pictures(browser, width, address, token, deep, sound, sick)
                browser.close()
        finally:
            server.kill()
            server.wait()


def record(folder: Path, *arguments: str) -> None:
    """Record a script into the folder's own runs."""
    command = [sys.executable, "-m", "headtorch", "run", *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def pictures(browser: Browser, width: int, address: str, token: str, deep: str, sound: str, sick: str) -> None:
    """All pictures of one width."""
    context = browser.new_context(viewport={"width": width, "height": HEIGHTS[width]}, device_scale_factor=1)
    page = context.new_page()
    show(page, f"{address}/run/{sick}?token={token}")
    page.screenshot(path=PICTURES / f"findings-{width}.png")
    part(page, "loss", width)
    part(page, "source", width)
    show(page, f"{address}/run/{deep}")
    page.locator("svg.strip a").nth(4).click()
    page.locator(".history.open").wait_for()
    part(page, "inside", width)
    show(page, f"{address}/compare?run={sound}&run={sick}")
    page.screenshot(path=PICTURES / f"compare-{width}.png")
    show(page, address)
    page.locator("[data-verdict] .verdict").nth(2).wait_for()
    page.screenshot(path=PICTURES / f"runs-{width}.png")
    show(page, f"{address}/labs")
    page.screenshot(path=PICTURES / f"labs-{width}.png")
    for name in LABS:
        lab(page, f"{address}/lab/{name}")
        page.screenshot(path=PICTURES / f"lab-{name}-{width}.png", full_page=True)
    page.emulate_media(color_scheme="dark")
    lab(page, f"{address}/lab/{LABS[0]}")
    page.screenshot(path=PICTURES / f"lab-dark-{width}.png", full_page=True)
    show(page, f"{address}/run/{deep}")
    page.screenshot(path=PICTURES / f"dark-{width}.png")
    context.close()


def show(page: Page, address: str) -> None:
    """Open a page and wait until its charts and its findings are there."""
    page.goto(address)
    page.wait_for_load_state("load")
    if page.locator("[data-chart]").count():
        page.locator(".plotted canvas").first.wait_for()
    page.locator("[data-pending]").wait_for(state="detached")
    page.locator("[data-later]").wait_for(state="detached")
    page.wait_for_timeout(400)


def lab(page: Page, address: str) -> None:
    """Open a lab and wait until its experiment has ended."""
    page.goto(address)
    page.locator("[data-lab][data-state=ended]").wait_for(timeout=120_000)


def part(page: Page, name: str, width: int) -> None:
    """A picture of one section, from its heading down to what a screen holds twice."""
    page.locator(f"#{name}").scroll_into_view_if_needed()
    box = page.locator(f"#{name}").bounding_box()
    assert box is not None
    top = box["y"] + float(page.evaluate("scrollY")) - 24
    clip = {"x": 0, "y": top, "width": width, "height": min(box["height"] + 48, 2 * HEIGHTS[width])}
    page.locator(".bar").evaluate("bar => bar.hidden = true")
    page.screenshot(path=PICTURES / f"{name}-{width}.png", clip=clip, full_page=True)  # type: ignore[arg-type]
    page.locator(".bar").evaluate("bar => bar.hidden = false")


if __name__ == "__main__":
    main()
