#!/usr/bin/env python3
"""Runs the function under `cargo lambda watch`, the emulator beside it, and a sink that prints the answers.

Then, from another terminal: make invoke EVENT=events/create.json. Ends, with all it started, on Ctrl-C.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Where the ResponseURLs of events/*.json point, and where `cargo lambda invoke` looks by itself.
SINK_PORT = 9001
INVOKE_PORT = 9000


class Sink(BaseHTTPRequestHandler):
    """Takes the answers as S3 does, and prints them."""

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
        try:
            answer = json.dumps(json.loads(body), indent=2)
        except ValueError:
            answer = repr(body)
        print(f"\nanswer, {len(body)} bytes\n{answer}\n", flush=True)

    def log_message(self, *_) -> None:
        """The answer itself is enough."""


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sink = ThreadingHTTPServer(("127.0.0.1", SINK_PORT), Sink)
    threading.Thread(target=sink.serve_forever, daemon=True).start()
    with started(
        [str(ROOT / "target/debug/codeartifact-emulator"), "--port", "0", "--region", "eu-west-1"]
    ) as emulator:
        line = emulator.stdout.readline()
        url = next(word for word in line.split() if word.startswith("http://"))
        print(f"emulator {url}\nsink     http://127.0.0.1:{SINK_PORT}", flush=True)
        print("next     make invoke EVENT=events/create.json, in another terminal", flush=True)
        environment = os.environ | {
            "CARGO": str(ROOT / "tools/watch_cargo.sh"),
            "AWS_ENDPOINT_URL_CODEARTIFACT": url,
            "AWS_ACCESS_KEY_ID": "123456789012",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "eu-west-1",
            "RESPONSE_URL_ALLOWED_HOSTS": "http://127.0.0.1:*",
        }
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
            environment.pop(name, None)
        # Without --bin the emulator would be a function too, and every invoke would have to say which it means.
        watch = ["cargo-lambda", "lambda", "watch", "--bin", "codeartifact-stack"]
        watch += ["--invoke-address", "127.0.0.1", "--invoke-port", str(INVOKE_PORT)]
        with (
            started([*watch, *sys.argv[1:]], environment, capture=False) as function,
            contextlib.suppress(KeyboardInterrupt),
        ):
            return function.wait()
    return 0


@contextlib.contextmanager
def started(command: list[str], environment: dict[str, str] | None = None, capture: bool = True):
    """The running command, which ends, with all it started, when the block does."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if capture else None,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=5)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
