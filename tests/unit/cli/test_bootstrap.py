"""bootstrap.py and the start of the program: signals reach what was asked for, nothing is left behind, Ctrl-C is a pause."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

UV = """\
#!{python}
import os, signal, sys, time

def stop(number, frame):  # print may be interrupted by a signal, and cannot be entered again then
    os.write(1, b"stopping\\n")
    time.sleep(0.3)
    os.write(1, b"stopped\\n")
    sys.exit(100 + number)

for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, stop)
os.write(1, " ".join([str(os.getpid()), *sys.argv[1:], "\\n"]).encode())
time.sleep(60)
"""

HEARING = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
"""Who runs the tests in the background may have them ignore Ctrl-C; the program under test hears it."""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("place", ["exec", "beside"])
def test_a_signal_reaches_what_was_asked_for(tmp_path: Path, number: signal.Signals, place: str) -> None:
    """Ctrl-C or a kill of bootstrap.py ends the program in its own way, and its exit code comes back; where no program can take
    our place, we wait for it."""
    stand_in = tmp_path / "uv"
    stand_in.write_text(UV.format(python=sys.executable))
    stand_in.chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    begin = "import os, runpy, sys; sys.argv = sys.argv[1:]; {}; runpy.run_path(sys.argv[0], run_name='__main__')"
    elsewhere = "import pathlib, subprocess, shutil, ssl; os.name = 'other'" if place == "beside" else "pass"
    process = subprocess.Popen(
        [sys.executable, "-c", begin.format(elsewhere), str(ROOT / "bootstrap.py"), "crosswalk", "run"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    started = process.stdout.readline().split()
    assert started[-2:] == ["crosswalk", "run"]
    assert (int(started[0]) == process.pid) == (place == "exec")
    if number is signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does: everybody in the foreground gets it
    else:
        process.send_signal(number)
    said, complained = process.communicate(timeout=20)
    assert (process.returncode, said.split()) == (100 + number, ["stopping", "stopped"])
    assert "Traceback" not in complained


def test_ctrl_c_while_the_program_is_being_read() -> None:
    """Also before any verb has begun Ctrl-C says Paused, with no traceback."""
    program = [sys.executable, "-X", "importtime", "-m", "crosswalk.cli", "status"]
    process = subprocess.Popen([sys.executable, "-c", HEARING, *program], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if line.rstrip().endswith("typer.core"):  # among the first things the program reads
            break
    process.send_signal(signal.SIGINT)
    deadline = time.monotonic() + 20
    complained = process.stderr.read()
    process.wait(timeout=max(1, deadline - time.monotonic()))
    assert process.returncode == 130
    assert "Paused" in complained and "Traceback" not in complained
