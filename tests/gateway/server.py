"""The server: a request to the protocol that its path begins with, a refusal to the client."""

import base64
import email.parser
import email.policy
import json
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from . import cargo, maven, npm, pypi, ruby
from .domain import Domain, Refused

PROTOCOLS = {"npm": npm, "pypi": pypi, "cargo": cargo, "maven": maven, "ruby": ruby}


class Gateway(Domain):
    """A context manager: inside it the gateway serves one domain."""

    def __init__(self, emulator: str, domain: str):
        super().__init__(emulator, domain)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"gateway": self}))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Gateway":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self._server.shutdown()
        self._server.server_close()


class Handler(BaseHTTPRequestHandler):
    """One request of a package manager: /FORMAT/REPOSITORY/…"""

    gateway: Gateway
    protocol_version = "HTTP/1.1"

    def log_message(self, *_) -> None:
        """Tokens are in the headers: nothing is written down."""

    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        url = urllib.parse.urlsplit(self.path)
        self.query = dict(urllib.parse.parse_qsl(url.query))
        _, format, repository, rest = urllib.parse.unquote(url.path).split("/", 3)
        try:
            PROTOCOLS[format].serve(self, repository, rest)
        except Refused as refused:
            self.answer(refused.status, {"error": str(refused), "message": str(refused)})

    def answer(self, status: int, body: object, kind: str = "application/json") -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status, None)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="codeartifact"')
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def token(self) -> str:
        kind, _, value = self.headers.get("Authorization", "").partition(" ")
        if kind == "Basic":
            user, _, value = base64.b64decode(value).decode().partition(":")
            kind = "Bearer" if user == "aws" else "Basic"
        if kind != "Bearer":
            raise Refused(401, "Unauthenticated: no token")
        return value

    def form(self) -> dict:
        """The fields of an upload; `content` is the file's name and its bytes."""
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + self.body)
        fields = {}
        for part in message.iter_parts():
            name = part.get_param("name", header="content-disposition")
            content = part.get_payload(decode=True)
            fields[name] = (part.get_filename(), content) if part.get_filename() else content
        return fields
