"""`make watch` and the example events, as a newcomer tries them: with `cargo lambda invoke`."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = os.environ | {"PATH": f"{ROOT / '.venv/bin'}{os.pathsep}{os.environ['PATH']}"}


class Watch:
    """A running `make watch` and what it prints."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, "-u", str(ROOT / "tools/watch.py")],
            cwd=ROOT,
            env=TOOLS,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.seen: list[str] = []

    def _read(self) -> None:
        for line in self._process.stdout:
            self._lines.put(line)

    def wait_for(self, text: str, seconds: float = 60) -> None:
        while True:
            self.seen.append(self._lines.get(timeout=seconds))
            if text in self.seen[-1]:
                return

    def answer(self) -> dict:
        """The next answer that the sink got."""
        self.wait_for("answer, ")
        text = ""
        while not text or text.count("{") != text.count("}"):
            text += self._lines.get(timeout=10)
        return json.loads(text)

    def stop(self) -> None:
        self._process.send_signal(signal.SIGINT)
        self._process.wait(timeout=20)


@pytest.fixture
def watch():
    watch = Watch()
    try:
        watch.wait_for("starting Runtime server")
        yield watch
    except queue.Empty:
        pytest.fail("".join(watch.seen))
    finally:
        watch.stop()


def invoke(event: str) -> dict | None:
    done = subprocess.run(
        ["cargo", "lambda", "invoke", "--invoke-address", "127.0.0.1", "--data-file", f"events/{event}.json"],
        cwd=ROOT,
        env=TOOLS,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_each_example_event_gets_its_answer(watch):
    for event in ("create", "create-sns", "update", "update-replacement", "delete-made-up-id", "delete"):
        invoke(event)
        answer = watch.answer()
        assert answer["Status"] == "SUCCESS", (event, answer)
        if event.startswith("update"):
            assert answer["Data"]["NpmEndpoint"]

    plan = invoke("direct-plan")
    assert plan["Converged"] is False
    assert plan["Steps"][0] == "CreateDomain kloudvin-pkgs"
    made = invoke("direct")
    assert made["PhysicalResourceId"].endswith(":repository/kloudvin-pkgs/team-search-mixed")
    assert invoke("direct-plan")["Steps"] == []
