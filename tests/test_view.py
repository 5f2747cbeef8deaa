"""headtorch view as a server: who may ask, what its answers allow, and files that are no runs."""

from __future__ import annotations

import http.client
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pages import TRAINS, served

from headtorch.store.run import Run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one run of a script whose names are hostile, and files that only look like runs."""
    folder = tmp_path_factory.mktemp("view")
    script = folder / "<b>train.py"
    script.write_text(TRAINS, encoding="utf-8")
    command = [sys.executable, "-m", "headtorch", "run", "--runs", "runs", script.name, "0.05", "40"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    (folder / "runs" / "empty.htdb").touch()
    (folder / "runs" / "noise.htdb").write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 20)
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[str]:
    with served("--runs", "runs", folder=folder) as (address, _):
        yield address


class Client:
    """A client that sends what it is told, as no browser would."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self.port = parts.port
        self.token = parts.query.partition("token=")[2]
        self.host = f"127.0.0.1:{self.port}"

    def ask(self, path: str, method: str = "GET", cookie: bool = True, **headers: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        given = {"Cookie": f"headtorch-{self.port}={self.token}"} if cookie else {}
        connection.request(method, path, headers={"Host": self.host, **given, **headers})
        return connection.getresponse()

    def text(self, path: str) -> str:
        return self.ask(path).read().decode()


@pytest.fixture(scope="module")
def client(server: str) -> Client:
    return Client(server)


def test_without_the_token_nothing_is_told(client: Client) -> None:
    for path in ("/", "/static/page.js", "/?token=wrong", "/nowhere"):
        answer = client.ask(path, cookie=False)
        assert answer.status == 403
        assert "runs" not in answer.read().decode()
    assert client.ask("/", cookie=False, Cookie=f"headtorch-{client.port}=%00").status == 403


def test_the_token_moves_from_the_address_into_a_cookie(client: Client) -> None:
    answer = client.ask(f"/compare?run=a&token={client.token}&run=b", cookie=False)
    assert (answer.status, answer.getheader("location")) == (303, "/compare?run=a&run=b")
    cookie = answer.getheader("set-cookie") or ""
    assert cookie.startswith(f"headtorch-{client.port}={client.token};")
    assert "httponly" in cookie.lower() and "samesite=lax" in cookie.lower()


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "127.0.0.1:80@evil.example", "", "[::1"])
def test_another_name_that_points_here_is_refused(client: Client, host: str) -> None:
    assert client.ask("/", Host=host).status == 403


def test_a_forwarded_port_is_let_in(client: Client) -> None:
    assert client.ask("/", Host="localhost:9999").status == 200


def test_what_could_change_something_must_come_from_its_own_pages(client: Client) -> None:
    for headers in ({}, {"Origin": "http://evil.example"}, {"Origin": "null"}):
        assert client.ask("/", method="POST", **headers).status == 403
    # Let through by the guard, and refused by the page: there is nothing to change.
    assert client.ask("/", method="POST", Origin=f"http://{client.host}").status == 405


def test_every_answer_forbids_foreign_sources(client: Client) -> None:
    for path in ("/", "/static/page.css", "/nowhere", "/run/none", "/explain/none"):
        policy = client.ask(path).getheader("content-security-policy") or ""
        assert policy.startswith("default-src 'none'") and "http" not in policy and "unsafe" not in policy


ELSEWHERE = [
    "/run/none",
    "/run/..%2f..%2fetc%2fpasswd",
    "/static/../pages.py",
    "/static/%2e%2e/code.py",
    "/explain/none",
]


@pytest.mark.parametrize("path", ELSEWHERE)
def test_what_is_not_there_is_said_in_a_page(client: Client, path: str) -> None:
    answer = client.ask(path)
    assert answer.status == 404
    assert "Traceback" not in answer.read().decode()


@pytest.fixture(scope="module")
def key(folder: Path) -> str:
    """The key of the run in addresses."""
    return next((folder / "runs").glob("*train*.htdb")).stem.replace("<", "_").replace(">", "_")


def test_text_from_a_run_is_text_in_every_page(client: Client, key: str) -> None:
    paths = ["/", f"/run/{key}", f"/run/{key}/layer/0-w0", f"/run/{key}/curves", f"/compare?run={key}&run={key}"]
    for path in [*paths, f"/run/{key}/part/source", f"/run/{key}/part/inside"]:
        answer = client.ask(path)
        assert answer.status in (200, 303)
        text = answer.read().decode()
        assert not [bad for bad in ("<script>alert", "<img src", "<b>train", "\u202e", "\x1b") if bad in text], path
    assert "&lt;img src=x onerror=alert(2)&gt;" in client.text(f"/run/{key}")
    assert "train.py" in client.text("/")


def test_files_that_are_no_runs_are_listed_with_a_sentence(client: Client) -> None:
    page = client.text("/")
    assert "the file is empty" in page and "no run file of headtorch, or a damaged one" in page
    for key in ("empty", "noise"):
        assert client.ask(f"/run/{key}").status == 404


def test_a_window_of_the_loss(client: Client, key: str) -> None:
    for query in ("", "?from=nan&to=3", "?from=9&to=2", "?points=1e99", "?points=-4"):
        assert client.ask(f"/run/{key}/curves{query}").status == 200
    assert '"x":[9,10,11,12]' in client.text(f"/run/{key}/curves?from=10&to=11")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing.htdb"], "there is no such file"),
        (["runs/noise.htdb"], "no run file of headtorch"),
        (["--select", "none"], "there is no rule 'none'"),
    ],
)
def test_what_cannot_be_shown_is_one_sentence(folder: Path, arguments: list[str], words: str) -> None:
    command = [sys.executable, "-m", "headtorch", "view", "--no-browser", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith("headtorch: ") and words in done.stderr and done.stderr.count("\n") == 1


def test_a_run_is_read_on_from_where_it_was(folder: Path) -> None:
    path = next((folder / "runs").glob("*train*.htdb"))
    first = Run(path)
    seen = first.series("loss")
    first.close()
    again = Run(path, first)
    assert again.series("loss").steps is seen.steps  # nothing is new
    assert again.series("grad_norm").values.shape == Run(path).series("grad_norm").values.shape
    again.close()


def test_ctrl_c_ends_the_server(folder: Path) -> None:
    with served("--runs", "runs", folder=folder) as (address, process):
        assert Client(address).ask("/").status == 200
        process.send_signal(signal.SIGINT)
        limit = time.monotonic() + 30
        while process.poll() is None and time.monotonic() < limit:
            time.sleep(0.05)
        assert process.returncode == 0
