"""What tests of the page share: a server on real run files, and Debian's Chromium."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 90_000  # ms, on a machine that is busy with other tests
expect.set_options(timeout=PATIENCE)

TRAINS = """
import sys, torch
torch.manual_seed(0)
torch.set_num_threads(1)

class Hostile(torch.nn.Tanh):
    pass

Hostile.__name__ = Hostile.__qualname__ = "<script>alert(1)</script>"
model = torch.nn.Sequential()
model.add_module("first", torch.nn.Linear(4, 16))
model.add_module("<img src=x onerror=alert(2)>", Hostile())
model.add_module("last\\u202e\\x1b[31m", torch.nn.Linear(16, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=float(sys.argv[1]))
x = torch.randn(64, 4)
y = x.sum(1, keepdim=True)
for step in range(int(sys.argv[2])):
    loss = ((model(x) - y) ** 2).mean()  # </script><script>alert(3)</script>
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""


@contextmanager
def served(*arguments: str, folder: Path, **environment: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address of `headtorch view`, and its process, which is ended in the end."""
    command = [sys.executable, "-m", "headtorch", "view", "--no-browser", *arguments]
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), address + process.stdout.read()
        yield address, process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Chromium without a window. That it is missing is no reason to skip a test: `make test` installs it."""
    found = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    if found is None:
        pytest.fail("these tests drive Chromium: `make .venv/browser` installs it")
    arguments = ["--disable-gpu", "--disable-background-networking"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--no-sandbox")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(
    browser: Browser, address: str, *, width: int = 1440, lost: bool = False, refused: bool = False, **context: object
) -> Iterator[Page]:
    """A page of its own context; it fails where the page has logged or thrown anything, or asked for a dialog.

    With `lost`, the page may log that its server is gone; with `refused`, that it has answered 400.
    """
    surroundings = browser.new_context(viewport={"width": width, "height": 900}, **context)  # type: ignore[arg-type]
    surroundings.set_default_timeout(PATIENCE)
    page = surroundings.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(f"{error}\n{error.stack}"))
    page.on("dialog", lambda dialog: (said.append(f"dialog {dialog.message}"), dialog.dismiss()))
    try:
        page.goto(address)
        yield page
    finally:
        surroundings.close()
    allowed = ["net::ERR_"] * lost + ["status of 400"] * refused
    assert [words for words in said if not any(each in words for each in allowed)] == []
