"""What a function needs around it: Lambda's Runtime API, a place for answers, and CodeArtifact, all on 127.0.0.1."""

import asyncio
import contextlib
import itertools
import json
import os
import ssl
import time
import urllib.request
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from quota import Quota

ROOT = Path(__file__).resolve().parent.parent
# What bench/build.sh made.
BUILT = ROOT / "target/bench"
# What servers here need to speak TLS, and their clients to trust them, beside the system's roots.
TLS = BUILT / "tls"
ROOTS = TLS / "roots.pem"
REGION = "eu-west-1"
ACCOUNT = "123456789012"
BUNDLES = (Path("/etc/pki/tls/certs/ca-bundle.crt"), Path("/etc/ssl/certs/ca-certificates.crt"))
FUNCTION_ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:codeartifact-stack"
# Longer than any event takes here: one that hangs fails the run instead of stopping it.
DEADLINE = 300.0

Handler = Callable[[str, str, bytes], Awaitable[tuple[int, dict[str, str], bytes]]]


def encode(event: dict) -> bytes:
    return json.dumps(event).encode()


@dataclass
class Handshakes:
    """TLS handshakes that came to their end: with certificates, and of sessions that were known."""

    full: int = 0
    resumed: int = 0

    def __add__(self, other: "Handshakes") -> "Handshakes":
        return Handshakes(self.full + other.full, self.resumed + other.resumed)

    def __sub__(self, other: "Handshakes") -> "Handshakes":
        return Handshakes(self.full - other.full, self.resumed - other.resumed)

    def __str__(self) -> str:
        return f"{self.full} full, {self.resumed} resumed"


class HttpServer:
    """As much of HTTP/1.1 as the function's clients speak, over TLS where there is a context for it."""

    def __init__(self, handler: Handler, tls: ssl.SSLContext | None = None):
        self._handler = handler
        self._tls = tls
        self.handshakes = Handshakes()
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task] = set()
        self.address = ""

    @property
    def url(self) -> str:
        # By address, as the emulator goes by name: clients keep TLS sessions by a name, and the two of AWS differ.
        return f"{'http' if self._tls is None else 'https'}://{self.address}"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
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
        if self._tls is not None:
            resumed = writer.get_extra_info("ssl_object").session_reused
            self.handshakes += Handshakes(full=not resumed, resumed=resumed)
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
    """Where answers are PUT; over TLS, the emulator must have been started so too."""

    def __init__(self, tls: bool = False):
        self._tls = tls
        self._server = HttpServer(self._take)
        self._awaited: dict[str, asyncio.Future] = {}
        self._serial = itertools.count(1)

    @property
    def handshakes(self) -> Handshakes:
        return self._server.handshakes

    async def start(self) -> None:
        if self._tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(TLS / "server.pem")
            self._server = HttpServer(self._take, context)
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop()

    def expect(self) -> tuple[str, asyncio.Future]:
        """A URL to answer to, and what will hold when and with what that was done."""
        target = f"/answer/{next(self._serial)}?X-Amz-Signature=0"
        self._awaited[target] = asyncio.get_running_loop().create_future()
        return f"{self._server.url}{target}", self._awaited[target]

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
        self._returned: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        self._process: asyncio.subprocess.Process | None = None
        self._polled = asyncio.Event()
        self._handed_out = 0.0
        self.spawned = 0.0
        self.first_poll = 0.0

    async def start(self) -> None:
        """Starts the process and waits for its first poll."""
        await self._server.start()
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

    async def deliver(self, sink: Sink, event: dict) -> Outcome:
        """Delivers an event of CloudFormation's."""
        url, answered = sink.expect()
        self._events.put_nowait(encode(event | {"ResponseURL": url}))
        async with asyncio.timeout(DEADLINE):
            how, said = await self._returned.get()
        if how != "response" or not answered.done():
            raise RuntimeError(f"the invocation failed: {said.decode()}")
        at, answer = answered.result()
        return Outcome(at - self._handed_out, answer)

    def limit(self, quota: Quota) -> None:
        """From now on it has no more of a core than this."""
        quota.admit(self._process.pid)

    def cpu_seconds(self) -> float:
        """Processor time of all its threads so far."""
        nanoseconds = 0
        for thread in Path(f"/proc/{self._process.pid}/task").iterdir():
            # One may end just now.
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                nanoseconds += int((thread / "schedstat").read_text().split()[0])
        return nanoseconds / 1e9

    def memory_kib(self, field: str) -> int:
        """A line of /proc/PID/status: VmRSS is what it holds, VmHWM the most it ever held."""
        for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1])
        raise KeyError(field)

    async def _api(self, _method: str, target: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        what = target.rsplit("/", 1)[1]
        if what != "next":
            self._returned.put_nowait((what, body))
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

    def __init__(self, tls: bool = False):
        self._tls = tls
        self._trust: ssl.SSLContext | None = None
        self._controls = 0
        self._process: asyncio.subprocess.Process | None = None
        self.url = ""

    async def start(self) -> None:
        command = [str(BUILT / "emulator/release/codeartifact-emulator"), "--port", "0", "--region", REGION]
        if self._tls:
            TLS.mkdir(exist_ok=True)
            command += ["--tls", str(TLS)]
        self._process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        self.url = (await self._process.stdout.readline()).decode().strip()
        if self._tls:
            own = (TLS / "root.pem").read_text()
            ROOTS.write_text(next(filter(Path.exists, BUNDLES)).read_text() + own)
            self._trust = ssl.create_default_context(cadata=own)

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

    def handshakes(self) -> Handshakes:
        """Those since it was started, but for the controls' own."""
        count = Handshakes(**json.loads(self._control("GET", "handshakes")))
        return count - Handshakes(full=self._controls)

    def is_empty(self) -> bool:
        return not json.loads(self._control("GET", "state"))["domains"]

    def _control(self, method: str, name: str, body: dict | None = None) -> bytes:
        self._controls += 1
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_emulator/{name}", data=data, method=method)
        with urllib.request.urlopen(request, timeout=60, context=self._trust) as answer:
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
        "RESPONSE_URL_ALLOWED_HOSTS": "127.0.0.1:*,http://127.0.0.1:*",
        # One bundle of TLS roots, as Lambda has them. Debian has a file for each besides, read too.
        "SSL_CERT_FILE": str(ROOTS),
        # The same for the peer.
        "AWS_CA_BUNDLE": str(ROOTS),
    }
