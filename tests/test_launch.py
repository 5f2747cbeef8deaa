"""launch: a script behaves under it as under `python`, byte for byte."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from headtorch import launch
from headtorch.model import UserError

DRIVER = """
import sys
from headtorch import launch

def at_sigterm(ending):
    print("TOLD", ending.kind, ending.status, ending.signal, file=sys.stderr, flush=True)

as_module, *argv = sys.argv[1:]
launch.leave(launch.execute(argv, as_module=as_module == "module", at_sigterm=at_sigterm))
"""
ENDING = """
import sys
from headtorch import launch

ending = launch.execute(sys.argv[1:], as_module=False, at_sigterm=print)
print(ending.kind, ending.status, ending.signal, ending.detail, sep="|")
"""


@pytest.fixture(autouse=True)
def buffered_as_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)


@dataclass
class Outcome:
    status: int
    out: str
    err: str


def run(folder: Path, *command: str) -> Outcome:
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def launched(folder: Path, *argv: str, as_module: bool = False) -> Outcome:
    return run(folder, "-c", DRIVER, "module" if as_module else "script", *argv)


def ending_of(folder: Path, source: str) -> str:
    (folder / "ending.py").write_text(source)
    return run(folder, "-c", ENDING, "ending.py").out.splitlines()[-1]


SCRIPTS = {
    "the module": """
import sys
print(__name__, __file__, sys.argv, sys.path, __package__, __spec__, __cached__, __builtins__, __annotations__)
print(list(globals()), type(__loader__), __loader__.get_source("__main__") == open(__file__).read())
print(sys.modules["__main__"].__dict__ is globals())
""",
    "argparse": """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--report"); parser.add_argument("-o"); parser.add_argument("rest", nargs="*")
print(parser.parse_args())
parser.parse_args(["--nothing"])
""",
    "main guard, atexit, finalizers": """
import atexit
class Noisy:
    def __del__(self): print("deleted")
noisy, file = Noisy(), open("left_open.txt", "w")
file.write("kept")
atexit.register(print, "atexit")
if __name__ == "__main__":
    print("guarded")
""",
    "pickle its own class, late too": """
import atexit, pickle, threading, time
class Mine: pass
def check(when):
    print(when, type(pickle.loads(pickle.dumps(Mine()))) is Mine, flush=True)
check("now")
atexit.register(check, "atexit")
threading.Thread(target=lambda: (time.sleep(0.2), check("thread"))).start()
""",
    "thread pool that is never shut down": """
from concurrent.futures import ThreadPoolExecutor
pool = ThreadPoolExecutor(2)
print(pool.submit(pow, 2, 5).result())
pool.submit(print, "late", flush=True)
""",
    "process pools": """
import multiprocessing
def square(x): return x * x
if __name__ == "__main__":
    for method in ("fork", "spawn", "forkserver"):
        with multiprocessing.get_context(method).Pool(1) as pool:
            print(method, pool.map(square, [2, 3]), flush=True)
""",
    "getsource, dataclass, future flags": """
import dataclasses, inspect
@dataclasses.dataclass
class Point:
    x: int = 1
    y: "int" = 2
print(inspect.getsource(Point), Point(), Point.__annotations__, inspect.getfile(Point))
""",
    "exception": "def f(x):\n    return 1 / x\n\nprint('before')\nf(\n    0)\n",
    "chained exceptions": """
def cause():
    raise KeyError("first")
try:
    cause()
except KeyError as error:
    try:
        raise ValueError("second") from error
    except ValueError:
        raise RuntimeError("third")
""",
    "exception with notes, of its own class": """
class Broken(Exception):
    pass
error = Broken("several\\nlines")
if hasattr(error, "add_note"):
    error.add_note("a note")
raise error
""",
    "exception after chdir": "import os\nos.chdir('/')\nraise ValueError('elsewhere')\n",
    "exception in an imported file": "import helper\nhelper.fail()\n",
    "syntax error": "print('never')\nfor x in range(3)\n    pass\n",
    "indentation error": "if True:\nprint(1)\n",
    "syntax error in an import": "import bad_syntax\n",
    "exit status": "import sys\nsys.exit(3)\n",
    "exit status that wraps": "import sys\nsys.exit(-1)\n",
    "exit status too long": "import sys\nsys.exit(2**70)\n",
    "exit message": "import sys\nprint('out')\nsys.exit('a message')\n",
    "exit None": "import sys\nprint('out')\nsys.exit(None)\n",
    "exit True": "raise SystemExit(True)\n",
    "exit tuple": "raise SystemExit(1, 'two')\n",
    "exit from a function with atexit": "import atexit\natexit.register(print, 'bye')\ndef f():\n    exit(4)\nf()\n",
    "excepthook": """
import sys
def hook(kind, error, trace):
    print("mine", kind, error, trace.tb_lineno, trace.tb_next, trace is error.__traceback__)
sys.excepthook = hook
raise ValueError("hooked")
""",
    "excepthook that raises": """
import sys
def hook(kind, error, trace):
    raise KeyError("in the hook")
sys.excepthook = hook
raise ValueError("hooked")
""",
    "excepthook that exits": "import sys\nsys.excepthook = lambda *_: sys.exit(7)\nraise ValueError\n",
    "sys.last_value at exit": """
import atexit, sys
atexit.register(lambda: print(repr(sys.last_value), sys.last_type, sys.last_traceback.tb_frame.f_code.co_filename))
raise ValueError("kept")
""",
    "KeyboardInterrupt": """
import atexit, sys
class Noisy:
    def __del__(self): print("deleted")
noisy, file = Noisy(), open("left_open.txt", "w")
file.write("kept")
atexit.register(lambda: print("atexit", sys.excepthook is sys.__excepthook__))
raise KeyboardInterrupt
""",
    "subclass of KeyboardInterrupt": "class Stop(KeyboardInterrupt): pass\nraise Stop('x')\n",
    "fork, child falls off the end": """
import os, sys
child = os.fork()
if child:
    print("parent", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
else:
    print("child", flush=True)
""",
    "fork, child exits": """
import os, sys
child = os.fork()
if not child:
    sys.exit(5)
print("parent", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
""",
    "fork, child raises": """
import os
child = os.fork()
if not child:
    raise ValueError("child")
print("parent", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
""",
    "fork, child is interrupted": """
import os
child = os.fork()
if not child:
    raise KeyboardInterrupt
print("parent", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
""",
    "fork, child is terminated": """
import os, signal, time
child = os.fork()
if not child:
    print(signal.getsignal(signal.SIGTERM), flush=True)
    time.sleep(60)
time.sleep(0.3)
os.kill(child, signal.SIGTERM)
print("parent", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
""",
    "stdout closed": "import sys\nprint('out')\nsys.stdout.close()\n",
    "stderr closed": "import sys\nsys.stderr.close()\nsys.exit(3)\n",
    "stderr None": "import sys\nsys.stderr = None\nprint('out')\nraise ValueError\n",
    "warning": "import warnings\nwarnings.warn('old', DeprecationWarning)\n",
    "os._exit": "import os\nprint('out', flush=True)\nos._exit(6)\n",
    "own SIGTERM handler": """
import os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))
os.kill(os.getpid(), signal.SIGTERM)
""",
    "own SIGTERM handler that calls the one it found": """
import os, signal
before = signal.getsignal(signal.SIGTERM)
def handler(number, frame):
    print("graceful", flush=True)
    if callable(before):
        before(number, frame)
signal.signal(signal.SIGTERM, handler)
os.kill(os.getpid(), signal.SIGTERM)
print("the end")
""",
    "SIGTERM ignored": "import os, signal\nsignal.signal(15, signal.SIG_IGN)\nos.kill(os.getpid(), 15)\nprint('on')\n",
}
if sys.version_info >= (3, 11):
    SCRIPTS["exception group"] = """
def fail(x): raise ValueError(x)
errors = []
for x in range(2):
    try: fail(x)
    except ValueError as error: errors.append(error)
raise ExceptionGroup("both", errors)
"""


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_behaves_as_under_python(name: str, tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("def fail():\n    raise ValueError('from the helper')\n")
    (tmp_path / "bad_syntax.py").write_text("x = = 1\n")
    (tmp_path / "script.py").write_text(SCRIPTS[name])
    argv = ["script.py", "-o", "x", "--report=y", "--", "-m", "z"]
    expected = run(tmp_path, *argv)
    left_open = tmp_path / "left_open.txt"
    if left_open.exists():
        assert left_open.read_text() == "kept"
        left_open.unlink()
        assert launched(tmp_path, *argv) == expected
        assert left_open.read_text() == "kept"
    else:
        assert launched(tmp_path, *argv) == expected
    assert expected.out + expected.err or expected.status, "the script shows nothing to compare"


@pytest.mark.parametrize("typed", ["sub/script.py", "./sub/script.py", "sub/../sub//script.py", "link.py", "ABSOLUTE"])
def test_paths_are_those_of_python(typed: str, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    script = tmp_path / "sub" / "script.py"
    script.write_text("import sys\nprint(__file__, sys.argv, sys.path)\n1 / 0\n")
    (tmp_path / "link.py").symlink_to(script)
    typed = typed.replace("ABSOLUTE", str(script))
    assert launched(tmp_path, typed) == run(tmp_path, typed)


@pytest.mark.parametrize(
    "module", ["pkg.mod", "pkg", "top", "nothing", "pkg.nothing", "plain", "pkg.stop", "pkg.fail", "top.py", ".x"]
)
def test_a_module_behaves_as_under_python_m(module: str, tmp_path: Path) -> None:
    package = tmp_path / "pkg"
    package.mkdir()
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "__init__.py").touch()
    shows = "import sys\nprint(__name__, __file__, sys.argv, sys.path, __package__, __spec__.name, list(globals()))\n"
    (package / "__init__.py").write_text("import sys\nprint('package', sys.argv)\n")
    (package / "other.py").write_text("x = 1\n")
    (package / "mod.py").write_text("from .other import x\n" + shows)
    (package / "__main__.py").write_text(shows)
    (package / "stop.py").write_text("raise KeyboardInterrupt\n")
    (package / "fail.py").write_text("from . import other\n1 / 0\n")
    (tmp_path / "top.py").write_text(shows + "import pickle\nclass A: pass\npickle.dumps(A())\nsys.exit(3)\n")
    assert launched(tmp_path, module, "-a", "b", as_module=True) == run(tmp_path, "-m", module, "-a", "b")


@pytest.mark.parametrize("place", ["script", "atexit"])
def test_a_reader_that_has_gone_gives_the_status_of_python(place: str, tmp_path: Path) -> None:
    flush = "sys.stdout.flush()" if place == "script" else ""
    (tmp_path / "script.py").write_text(f"import sys\nsys.stdin.readline()\nprint('x' * 100)\n{flush}\n")

    def outcome(command: list[str]) -> tuple[int, bytes]:
        pipe = subprocess.PIPE
        with subprocess.Popen(
            [sys.executable, *command], cwd=tmp_path, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0
        ) as process:
            assert process.stdout and process.stdin and process.stderr
            process.stdout.close()
            process.stdin.write(b"go\n")
            said = process.stderr.read()
            return process.wait(), said

    expected = outcome(["script.py"])
    assert expected[0] == 120
    assert outcome(["-c", DRIVER, "script", "script.py"]) == expected


def signalled(folder: Path, number: int, *command: str) -> tuple[int, str, str]:
    """Status, stdout and stderr of a command that gets a signal once it has printed a line."""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, *command], cwd=folder, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout
        first = process.stdout.readline()
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
        return process.returncode, first + out, err


# Another thread says that it is ready, so that the signal finds the main thread asleep. It writes past Python's
# buffer, whose lock it could hold when the signal ends the interpreter: Python aborts then.
READY = "import os, threading, time\nthreading.Timer(0.2, os.write, [1, b'ready\\n']).start()\n"
WAITS = READY + "try:\n    time.sleep(60)\nfinally:\n    print('finally')\n"


def test_ctrl_c_kills_by_sigint_with_the_traceback_of_python(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(WAITS)
    expected = signalled(tmp_path, signal.SIGINT, "script.py")
    assert expected[0] == -signal.SIGINT
    assert signalled(tmp_path, signal.SIGINT, "-c", DRIVER, "script", "script.py") == expected


def test_sigterm_kills_as_ever_after_telling(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(WAITS)
    status, out, err = signalled(tmp_path, signal.SIGTERM, "script.py")
    assert (status, err) == (-signal.SIGTERM, "")
    told = f"TOLD terminated 143 {int(signal.SIGTERM)}\n"
    assert signalled(tmp_path, signal.SIGTERM, "-c", DRIVER, "script", "script.py") == (status, out, told)


def test_sigterm_kills_though_telling_fails_and_a_second_one_changes_nothing(tmp_path: Path) -> None:
    fails = DRIVER.replace("def at_sigterm", "import os, signal\ndef at_sigterm").replace(
        "    print(", "    os.kill(os.getpid(), signal.SIGTERM)\n    1 / 0 if sys.argv[-1] == 'fails' else print("
    )
    (tmp_path / "script.py").write_text(WAITS)
    for extra, told in (("fails", 0), ("works", 1)):
        status, _, err = signalled(tmp_path, signal.SIGTERM, "-c", fails, "script", "script.py", extra)
        assert (status, err.count("TOLD")) == (-signal.SIGTERM, told)


@pytest.mark.survives("SIGTERM, and the report hangs", "the script dies by SIGTERM all the same, after ten seconds")
def test_sigterm_kills_though_telling_hangs(tmp_path: Path) -> None:
    hangs = DRIVER.replace("import sys\n", "import sys, time\n").replace("    print(", "    time.sleep(60)\n    print(")
    hangs = hangs.replace("as_module, *argv", "launch.PATIENCE = 0.2\nas_module, *argv")
    (tmp_path / "script.py").write_text(WAITS)
    told = signalled(tmp_path, signal.SIGTERM, "-c", hangs, "script", "script.py")
    assert told == (-signal.SIGTERM, "ready\n", "")


def test_ctrl_c_while_a_thread_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(READY + "threading.Thread(target=time.sleep, args=(1,)).start()\n")
    status, out, err = signalled(tmp_path, signal.SIGINT, "script.py")
    assert "Exception ignored" in err
    expected = (status, out, err.replace("KeyboardInterrupt: ", "KeyboardInterrupt"))
    assert signalled(tmp_path, signal.SIGINT, "-c", DRIVER, "script", "script.py") == expected


def test_endings(tmp_path: Path) -> None:
    assert ending_of(tmp_path, "pass") == "finished|0|None|"
    assert ending_of(tmp_path, "raise SystemExit") == "exit|0|None|"
    assert ending_of(tmp_path, "raise SystemExit(259)") == "exit|3|None|"
    assert ending_of(tmp_path, "raise SystemExit('why')") == "exit|1|None|why"
    assert ending_of(tmp_path, "raise ValueError('bad\\nand more')") == "exception|1|None|ValueError: bad"
    assert ending_of(tmp_path, "raise ValueError") == "exception|1|None|ValueError"
    assert ending_of(tmp_path, "raise KeyboardInterrupt") == "interrupt|130|2|KeyboardInterrupt"
    assert ending_of(tmp_path, "x = = 1") == "exception|1|None|SyntaxError: invalid syntax (ending.py, line 1)"
    unprintable = "class E(Exception):\n    def __str__(self): raise ValueError\nraise E"
    assert ending_of(tmp_path, unprintable) == "exception|1|None|E"


def test_a_status_replaces_a_clean_one_only() -> None:
    for status, left in ((0, 1), (3, 3)):
        with pytest.raises(SystemExit) as raised:
            launch.leave(launch.Ending("exit", status), 1)
        assert raised.value.code == left


def test_threads_are_joined_before_execute_returns(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        "import threading, time\nthreading.Thread(target=lambda: (time.sleep(0.3), print('thread'))).start()\n"
    )
    assert run(tmp_path, "-c", ENDING, "script.py").out.splitlines() == ["thread", "finished|0|None|"]


def test_a_forked_child_does_not_come_back(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text("import os\nif os.fork():\n    os.wait()\nprint('here', flush=True)\n")
    assert run(tmp_path, "-c", ENDING, "script.py").out.splitlines() == ["here", "here", "finished|0|None|"]


def test_scripts_that_cannot_be_run_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "secret.py").write_text("print(1)")
    (tmp_path / "secret.py").chmod(0)
    refusals = {"x.py": "there is no such file", "folder": "it is a directory"}
    if os.getuid() != 0:
        refusals["secret.py"] = "it may not be read"
    for script, why in refusals.items():
        with pytest.raises(UserError, match=f"^cannot run '{script}': {why}$"):
            launch.execute([script], as_module=False, at_sigterm=print)


def test_safe_path_adds_no_folder(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text("import sys\nprint(sys.path)\n")
    expected = run(tmp_path, "-I", "script.py")
    assert run(tmp_path, "-I", "-c", DRIVER, "script", "script.py") == expected


def test_own_frames_are_stripped_wherever_they_stand() -> None:
    own = compile("def call(f):\n    return f()\n", str(Path(launch.__file__).parent / "made_up.py"), "exec")
    namespace: dict[str, object] = {"__name__": "headtorch.made_up"}
    exec(own, namespace)
    call = namespace["call"]
    assert callable(call)

    def fail() -> None:
        raise ValueError("inner")

    def chain() -> None:
        try:
            call(fail)
        except ValueError as error:
            cause = error
        try:
            call(fail)
        except ValueError:
            raise RuntimeError("outer") from cause

    def files(error: BaseException | None) -> list[str]:
        assert error is not None
        names, trace = [], error.__traceback__
        while trace is not None:
            names.append(trace.tb_frame.f_code.co_name)
            trace = trace.tb_next
        return names

    with pytest.raises(RuntimeError) as raised:
        call(chain)
    error = raised.value
    test = "test_own_frames_are_stripped_wherever_they_stand"
    assert files(error) == [test, "call", "chain"]
    launch.strip_own_frames(error)
    assert files(error) == [test, "chain"]
    assert files(error.__cause__) == files(error.__context__) == ["chain", "fail"]

    if sys.version_info >= (3, 11):
        members = []
        with pytest.raises(ValueError) as raised_member:
            call(fail)
        members.append(raised_member.value)
        launch.strip_own_frames(ExceptionGroup("several", members))  # noqa: F821
        assert files(members[0]) == [test, "fail"]

    namespace["__name__"] = "__main__"  # a sick example that lives in the package runs as the script itself
    with pytest.raises(ValueError) as raised_by_main:
        call(fail)
    launch.strip_own_frames(raised_by_main.value)
    assert files(raised_by_main.value) == [test, "call", "fail"]


def test_data_loader_workers(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        "import torch\n"
        "class Squares(torch.utils.data.Dataset):\n"
        "    def __len__(self): return 4\n"
        "    def __getitem__(self, index): return torch.tensor(index ** 2)\n"
        "if __name__ == '__main__':\n"
        "    for method in ('fork', 'spawn'):\n"
        "        loader = torch.utils.data.DataLoader(Squares(), 2, num_workers=1, multiprocessing_context=method)\n"
        "        print(method, [batch.tolist() for batch in loader])\n"
    )
    expected = "fork [[0, 1], [4, 9]]\nspawn [[0, 1], [4, 9]]\n"
    assert launched(tmp_path, "script.py") == Outcome(0, expected, "")


def test_neither_torch_nor_numpy_is_imported(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text("import sys\nprint({'torch', 'numpy'} & set(sys.modules))")
    assert launched(tmp_path, "script.py").out == "set()\n"
