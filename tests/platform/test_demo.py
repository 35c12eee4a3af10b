"""`make demo`, run as a test: it shows the main job, and leaves nothing behind however it ends."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 180


def start(*arguments: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, str(ROOT / "demo/demo.py"), *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
        encoding="utf-8",
    )


def left_running() -> list[str]:
    """The processes that work in the demo's folder, or run a program from it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            places = [(process / link).readlink() for link in ("cwd", "exe")]
        except OSError:
            continue
        if any(place.is_relative_to(ROOT / "target/demo") for place in places):
            found.append((process / "cmdline").read_text().replace("\0", " "))
    return found


@pytest.fixture(autouse=True)
def nothing_is_left_behind():
    yield
    if sys.platform == "linux":
        assert left_running() == []


def test_the_demo_shows_the_whole_life_of_a_stack():
    started = time.monotonic()
    demo = start()
    output, _ = demo.communicate(timeout=SECONDS + 30)
    print(output)
    assert demo.returncode == 0
    assert time.monotonic() - started < SECONDS
    assert "\033[" not in output, "colours belong on a terminal only"
    assert "checks hold" in output
    assert [line for line in output.splitlines() if len(line) > 80] == []
    kept = (ROOT / "docs/demo.txt").read_text(encoding="utf-8")
    assert story(output) == story(kept), "docs/demo.txt tells another story: run make demo-text"


def story(output: str) -> list[str]:
    """The chapters and what was checked in each, without what differs from run to run."""
    lines = [line for line in output.splitlines() if re.match(r" ?\d+  |    ✓ ", line)]
    return [re.sub(r"\d+", "N", line.split(" ─")[0]) for line in lines]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_ends_what_it_started(number):
    demo = start()
    assert demo.stdout is not None
    for line in demo.stdout:
        if "create stack codeartifact-stack" in line:
            break
    demo.send_signal(number)
    demo.communicate(timeout=30)
    assert demo.returncode not in (0, 1)


def test_a_demo_that_cannot_start_says_why_and_fails():
    demo = start("--emulator", "target/no-such-emulator")
    output, _ = demo.communicate(timeout=60)
    assert demo.returncode == 1
    assert "not built" in output
