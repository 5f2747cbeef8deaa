"""The labs' pages: how soon each shows its first picture in a browser. Run by `python -m bench.labs`."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time

from playwright.sync_api import sync_playwright

from bench.table import Row, at_most, seen, table
from headtorch.labs import all_labs

GOALS = {"transfer": 5.0, "skip-connections": 5.0}
GOAL = 2.0  # seconds
WARM = 30_000  # ms, in which the process of the labs has all that it imports


def rows() -> list[Row]:
    """A row for each lab, from the request for its page to its first picture."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "headtorch", "view", "--no-browser"]
        server = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            address, _, token = server.stdout.readline().strip().partition("/?")
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
                page = browser.new_page()
                start = time.perf_counter()
                page.goto(f"{address}/lab/dense-layer?{token}")
                picture = page.locator("[data-frame] :is(svg.figure, table.figure)").first
                picture.wait_for(timeout=WARM)
                found.append(seen("the first lab, from a cold start", f"{time.perf_counter() - start:.2f}s"))
                for lab in all_labs():
                    start = time.perf_counter()
                    page.goto(f"{address}/lab/{lab.name}")
                    picture.wait_for(timeout=WARM)
                    seconds = time.perf_counter() - start
                    found.append(at_most(f"{lab.name}: first picture", seconds, GOALS.get(lab.name, GOAL), "s", 2))
                    page.locator("[data-state=ended]").wait_for(timeout=WARM)
                browser.close()
        finally:
            server.kill()
            server.wait()
    return found


if __name__ == "__main__":
    print(table(rows()))
