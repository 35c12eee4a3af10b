"""An emulator of its own for each test, as the process a user would start."""

import json
import os
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BINARY = Path(os.environ.get("CODEARTIFACT_EMULATOR", ROOT / "target/debug/codeartifact-emulator"))


@dataclass
class Emulator:
    """A running emulator: its endpoint, and its controls."""

    url: str

    def control(self, method: str, name: str, body: object = None) -> object:
        """Call a control and return what it answers."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_emulator/{name}", data=data, method=method)
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)


@pytest.fixture(scope="session")
def start_emulator() -> Iterator[Callable[..., Emulator]]:
    """Start emulators with the given arguments; all of them end with the tests."""
    running: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> Emulator:
        process = subprocess.Popen([BINARY, *arguments], stdout=subprocess.PIPE, text=True)
        running.append(process)
        url = process.stdout.readline().strip() if process.stdout else ""
        assert url.startswith("http://127.0.0.1:"), f"{BINARY} did not start"
        return Emulator(url)

    yield start
    for process in running:
        process.terminate()
    assert [process.wait(timeout=10) for process in running] == [0] * len(running)
