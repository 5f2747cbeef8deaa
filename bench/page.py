"""The page: how soon a long run is seen and zoomed, how late a live step is, what viewers cost a training."""

from __future__ import annotations

import http.client
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Page, sync_playwright

from bench import longrun
from bench.table import Row, at_most, seen

STEPS = 1_000_000
REPORTED = 10_000  # steps
PAINT_GOAL = 1.0  # seconds
SENT_GOAL = 5.0  # MB
ZOOM_GOAL = 0.1  # seconds
DELAY_GOAL = 0.5  # seconds
REPORT_GOAL = 400.0  # KB
COST_GOAL = 1.05  # of a step's time
VIEWERS = 10
LIVE_FOR = 20.0  # seconds
ASKED = 200  # pages of one open server

TRAINS = """
import sys, time, torch
torch.set_num_threads(1)
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(64, 256), torch.nn.Tanh(), torch.nn.Linear(256, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
x = torch.randn(256, 64)
end, steps, start = time.monotonic() + float(sys.argv[1]), 0, time.process_time()
while time.monotonic() < end:
    loss = ((model(x) - x.sum(1, keepdim=True)) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    steps += 1
    if len(sys.argv) > 2:
        print(time.time(), flush=True)
        time.sleep(float(sys.argv[2]))
print(1000 * (time.process_time() - start) / steps)
"""

# When the chart of the loss shows which last step.
WATCH = """() => {
    const panel = document.querySelector("[data-chart]");
    window.seen = [];
    new MutationObserver(() => {
        window.seen.push([Date.now() / 1000, Number(panel.dataset.shown.split(" ")[1])]);
    }).observe(panel, { attributeFilter: ["data-shown"] });
}"""


@contextmanager
def served(*arguments: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address of a page, and the process that serves it."""
    command = [sys.executable, "-m", "headtorch", "view", "--no-browser", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip(), process
    finally:
        process.kill()
        process.wait()


@contextmanager
def browser() -> Iterator[Page]:
    """A page of Chromium at the size of a notebook's screen."""
    found = next(path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name)))
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=arguments)
        yield chromium.new_page(viewport={"width": 1440, "height": 900})
        chromium.close()


def long_run(path: Path) -> Iterator[Row]:
    """First paint, bytes and zoom of a long run."""
    name = f"page of {STEPS:,} steps, 100 layers"
    with served(str(path)) as (address, process), browser() as page:
        sent: list[int] = []
        page.on("response", lambda answer: sent.append(int(answer.headers.get("content-length", "0"))))
        page.goto(address, wait_until="commit")
        page.locator(".plotted canvas").first.wait_for(timeout=60_000)
        drawn = page.evaluate("performance.now()") / 1000
        paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime") / 1000
        yield at_most(f"{name}: first paint", paint, PAINT_GOAL, " s", 2)
        yield seen(f"{name}: the loss is drawn and can be zoomed", f"{drawn:.2f} s")
        page.locator(".card, .quiet:not([data-pending])").first.wait_for(timeout=300_000)
        yield seen(f"{name}: the findings are there", f"{page.evaluate('performance.now()') / 1000:.1f} s")
        yield at_most(f"{name}: bytes sent until then", sum(sent) / 1e6, SENT_GOAL, " MB", 2)
        yield at_most(f"{name}: zoom, until it is drawn", statistics.median(_zooms(page)), ZOOM_GOAL, " s", 3)
        yield _growth(address, process.pid, path)


def _zooms(page: Page) -> Iterator[float]:
    """The time of each of several zooms, from the key to the drawn chart."""
    zoom = """async ([from, to]) => {
        const { plots } = await import("/static/page.js");
        const [plot] = plots.values(), start = performance.now();
        await plot.zoom(from, to);
        await new Promise(requestAnimationFrame);
        return performance.now() - start;
    }"""
    for part in range(1, 10):
        yield page.evaluate(zoom, [part * STEPS / 20, STEPS - part * STEPS / 20]) / 1000


def _growth(address: str, process: int, path: Path) -> Row:
    """How much memory a server takes more after many pages of one run."""
    parts = urlsplit(address)
    assert parts.port is not None
    cookie = {"Cookie": f"headtorch-{parts.port}={parts.query.removeprefix('token=')}", "Host": parts.netloc}

    def ask() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", parts.port or 0)
        connection.request("GET", f"/run/{path.stem}/curves?from=0&to=1000", headers=cookie)
        connection.getresponse().read()
        connection.close()

    for _ in range(ASKED // 4):
        ask()
    before = _resident(process)
    for _ in range(ASKED):
        ask()
    return seen(f"server: memory, after {ASKED} more answers", f"{before:.0f} to {_resident(process):.0f} MiB")


def _resident(process: int) -> float:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def live(folder: Path) -> Iterator[Row]:
    """How long a step takes to reach a page, from the end of its update to the chart that shows it."""
    script, times = folder / "live.py", folder / "live.txt"
    script.write_text(TRAINS)
    command = [sys.executable, "-m", "headtorch", "run", "--runs", str(folder / "live"), str(script)]
    with times.open("w") as out:
        training = subprocess.Popen([*command, str(LIVE_FOR), "0.02"], stdout=out, stderr=subprocess.DEVNULL)
    try:
        while not (found := list((folder / "live").glob("*.htdb"))):
            time.sleep(0.1)
        with served(str(found[0])) as (address, _), browser() as page:
            page.goto(address)
            page.locator(".plotted canvas").first.wait_for(timeout=60_000)
            page.evaluate(WATCH)
            time.sleep(LIVE_FOR / 2)
            shown: list[tuple[float, int]] = page.evaluate("window.seen")
    finally:
        training.kill()
        training.wait()
    ended = [float(line) for line in times.read_text().splitlines()[:-1]]
    first, last = shown[0][1], shown[-1][1]
    delays = [next(at for at, upto in shown if upto >= step) - ended[step] for step in range(first + 1, last)]
    yield at_most("live: from a step to the chart that shows it, mean", statistics.mean(delays), DELAY_GOAL, " s", 2)
    yield seen("live: the same, 95 % of the steps", f"{sorted(delays)[int(0.95 * len(delays))]:.2f} s")


def viewers(folder: Path) -> Iterator[Row]:
    """What viewers cost a training: the processor time of its steps with and without them, in turn."""
    script = folder / "viewed.py"
    script.write_text(TRAINS)
    ratios = []
    for turn in range(3):
        alone = _step(script, folder / f"alone{turn}", 0)
        ratios.append(_step(script, folder / f"viewed{turn}", VIEWERS) / alone)
    yield at_most(f"a step with {VIEWERS} viewers over one without, CPU time", statistics.median(ratios), COST_GOAL)


def _step(script: Path, runs: Path, count: int) -> float:
    """The milliseconds of a recorded training's step while `count` pages follow it."""
    command = [sys.executable, "-m", "headtorch", "run", "--runs", str(runs), str(script), "10"]
    training = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    while not (found := list(runs.glob("*.htdb"))):
        time.sleep(0.05)
    if not count:
        return float(training.communicate()[0])
    with served(str(found[0])) as (address, _):
        for _ in range(count):
            threading.Thread(target=_follow, args=(address, found[0].stem), daemon=True).start()
        return float(training.communicate()[0])


def _follow(address: str, key: str) -> None:
    """Do what an open page does: listen, and ask for the curves whenever the run has grown."""
    parts = urlsplit(address)
    token = parts.query.removeprefix("token=")
    headers = {"Cookie": f"headtorch-{parts.port}={token}", "Host": parts.netloc}
    try:
        stream = http.client.HTTPConnection(parts.netloc)
        stream.request("GET", f"/run/{key}/events", headers=headers)
        for line in stream.getresponse():
            if line.startswith(b"data:"):
                other = http.client.HTTPConnection(parts.netloc)
                other.request("GET", f"/run/{key}/curves?points=900", headers=headers)
                other.getresponse().read()
                other.close()
    except (OSError, http.client.HTTPException):
        return  # the server has ended


def rows(folder: Path) -> Iterator[Row]:
    """Every row on the page."""
    short = longrun.record(folder / "page-short")
    longrun.draw_out(short, folder / "page-long.htdb", STEPS)
    yield from long_run(folder / "page-long.htdb")
    longrun.draw_out(short, folder / "page-report.htdb", REPORTED)
    report = folder / "page-report.html"
    command = [sys.executable, "-m", "headtorch", "report", "--report", str(report), str(folder / "page-report.htdb")]
    subprocess.run(command, check=True, capture_output=True)
    yield at_most(f"HTML report of {REPORTED:,} steps, 100 layers", report.stat().st_size / 1e3, REPORT_GOAL, " KB", 0)
    yield from live(folder)
    yield from viewers(folder)
