"""What a function needs around it: Lambda's Runtime API, a place for answers, and CodeArtifact, all on 127.0.0.1."""

import asyncio
import contextlib
import itertools
import json
import os
import time
import urllib.request
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# What bench/build.sh made.
BUILT = ROOT / "target/bench"
REGION = "eu-west-1"
ACCOUNT = "123456789012"
BUNDLES = ("/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/certs/ca-certificates.crt")
FUNCTION_ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:codeartifact-stack"
# Longer than any event takes here: one that hangs fails the run instead of stopping it.
DEADLINE = 300.0

Handler = Callable[[str, str, bytes], Awaitable[tuple[int, dict[str, str], bytes]]]


def encode(event: dict) -> bytes:
    return json.dumps(event).encode()


class HttpServer:
    """As much of HTTP/1.1 as the function's clients speak."""

    def __init__(self, handler: Handler):
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task] = set()
        self.address = ""

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        self.address = f"{host}:{port}"

    async def stop(self) -> None:
        if self._server:
            self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.current_task()
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)
        with contextlib.suppress(asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                method, target, _ = head[0].split(" ", 2)
                headers = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                status, answer, content = await self._handler(method, target, body)
                answer["Content-Length"] = str(len(content))
                lines = [f"HTTP/1.1 {status} -", *(f"{name}: {value}" for name, value in answer.items()), "", ""]
                writer.write("\r\n".join(lines).encode("latin-1") + content)
                await writer.drain()
        writer.close()


@dataclass
class Outcome:
    """How one event ended: from the moment it was handed out until its answer was there, in seconds."""

    seconds: float
    answer: dict

    def succeeded(self) -> "Outcome":
        if self.answer.get("Status") != "SUCCESS":
            raise RuntimeError(f"the function did not succeed: {self.answer}")
        return self


class Sink:
    """Where answers are PUT."""

    def __init__(self):
        self._server = HttpServer(self._take)
        self._awaited: dict[str, asyncio.Future] = {}
        self._serial = itertools.count(1)

    async def start(self) -> None:
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop()

    def expect(self) -> tuple[str, asyncio.Future]:
        """A URL to answer to, and what will hold when and with what that was done."""
        target = f"/answer/{next(self._serial)}?X-Amz-Signature=0"
        self._awaited[target] = asyncio.get_running_loop().create_future()
        return f"http://{self._server.address}{target}", self._awaited[target]

    async def _take(self, _method: str, target: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        awaited = self._awaited.pop(target)
        awaited.set_result((time.perf_counter(), json.loads(body)))
        return 200, {}, b""


class Instance:
    """One process of a function, and the Runtime API that it polls."""

    def __init__(self, command: list[str], environment: dict[str, str]):
        self._command = command
        self._environment = environment
        self._server = HttpServer(self._api)
        self._events: asyncio.Queue[bytes] = asyncio.Queue()
        self._returned: asyncio.Queue[tuple[float, str, bytes]] = asyncio.Queue()
        self._process: asyncio.subprocess.Process | None = None
        self._polled = asyncio.Event()
        self._handed_out = 0.0
        self.spawned = 0.0
        self.first_poll = 0.0

    async def start(self, event: bytes | None = None) -> None:
        """Starts the process and waits for its first poll, which gets `event`, where there is one, at once."""
        await self._server.start()
        if event is not None:
            self._events.put_nowait(event)
        environment = self._environment | {"AWS_LAMBDA_RUNTIME_API": self._server.address}
        self.spawned = time.perf_counter()
        self._process = await asyncio.create_subprocess_exec(
            *self._command, env=environment, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(DEADLINE):
            await self._polled.wait()

    async def stop(self) -> None:
        if self._process and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        await self._server.stop()

    async def invoke(self, event: bytes) -> tuple[str, bytes]:
        """Runs the function on an event; gives `response` or `error`, and what it said."""
        self._events.put_nowait(event)
        return await self.returned()

    async def returned(self) -> tuple[str, bytes]:
        async with asyncio.timeout(DEADLINE):
            _, how, said = await self._returned.get()
        return how, said

    async def deliver(self, sink: Sink, event: dict) -> Outcome:
        """Delivers an event of CloudFormation's."""
        url, answered = sink.expect()
        how, said = await self.invoke(encode(event | {"ResponseURL": url}))
        if how != "response" or not answered.done():
            raise RuntimeError(f"the invocation failed: {said.decode()}")
        at, answer = answered.result()
        return Outcome(at - self._handed_out, answer)

    def cpu_seconds(self) -> float:
        """Processor time of all its threads so far."""
        threads = Path(f"/proc/{self._process.pid}/task").iterdir()
        return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9

    def memory_kib(self, field: str) -> int:
        """A line of /proc/PID/status: VmRSS is what it holds, VmHWM the most it ever held."""
        for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1])
        raise KeyError(field)

    async def _api(self, _method: str, target: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        what = target.rsplit("/", 1)[1]
        if what != "next":
            self._returned.put_nowait((time.perf_counter(), what, body))
            return 202, {}, b"{}"
        if not self._polled.is_set():
            self.first_poll = time.perf_counter()
            self._polled.set()
        event = await self._events.get()
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": "00000000-0000-4000-8000-000000000001",
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + DEADLINE) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": FUNCTION_ARN,
        }
        self._handed_out = time.perf_counter()
        return 200, headers, event


class Emulator:
    """CodeArtifact as a process of its own."""

    def __init__(self):
        self._process: asyncio.subprocess.Process | None = None
        self.url = ""

    async def start(self) -> None:
        command = [str(BUILT / "emulator/release/codeartifact-emulator"), "--port", "0", "--region", REGION]
        self._process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        self.url = (await self._process.stdout.readline()).decode().strip()

    async def stop(self) -> None:
        if self._process:
            self._process.terminate()
            await self._process.wait()

    def reset(self, **settings) -> None:
        """Back to an empty service, with these settings."""
        self._control("POST", "reset")
        self.set(**settings)

    def set(self, **settings) -> None:
        """Changes how it behaves."""
        self._control("PUT", "settings", settings)

    def log(self) -> list[dict]:
        """The calls since the last time it was asked."""
        calls = json.loads(self._control("GET", "log"))
        self.forget()
        return calls

    def forget(self) -> None:
        self._control("DELETE", "log")

    def is_empty(self) -> bool:
        return not json.loads(self._control("GET", "state"))["domains"]

    def _control(self, method: str, name: str, body: dict | None = None) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_emulator/{name}", data=data, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()


def environment(codeartifact: str) -> dict[str, str]:
    """What Lambda and template.yaml give to a function."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "AWS_LAMBDA_FUNCTION_NAME": "codeartifact-stack",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/codeartifact-stack",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/23/[$LATEST]0",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "token",
        "AWS_ENDPOINT_URL_CODEARTIFACT": codeartifact,
        "RESPONSE_URL_ALLOWED_HOSTS": "http://127.0.0.1:*",
        # One bundle of TLS roots, as the Red Hat family keeps them. Debian has a file for each besides, read too.
        "SSL_CERT_FILE": next(filter(os.path.exists, BUNDLES), ""),
    }
