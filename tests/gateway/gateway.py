"""What package managers talk to: the protocols of npm, PyPI and Cargo in front of the emulator, on 127.0.0.1.

Files are kept here. Whether a version may be published or fetched the emulator decides, by the token, the policies and
the package groups; its refusals are answered in the form that the client shows.
"""

import base64
import email.parser
import email.policy
import hashlib
import html
import json
import re
import threading
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Refused(Exception):
    """The emulator's refusal."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


@dataclass
class Package:
    """A package's files by version, wherever they came from."""

    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    # What npm wrote about a version.
    manifests: dict[str, dict] = field(default_factory=dict)


@dataclass
class Coordinates:
    """A package in a repository, as whoever has the token asks for it."""

    token: str
    repository: str
    format: str
    namespace: str
    name: str


class Gateway:
    """A context manager: inside it the gateway serves one domain."""

    def __init__(self, emulator: str, domain: str):
        self._emulator, self._domain = emulator, domain
        self._packages: dict[tuple[str, str, str], Package] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"gateway": self}))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Gateway":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self._server.shutdown()
        self._server.server_close()

    def package(self, format: str, namespace: str, name: str) -> Package:
        return self._packages.setdefault((format, namespace, name), Package())

    def publish(self, at: Coordinates, version: str, name: str, content: bytes) -> Package:
        package = self.package(at.format, at.namespace, at.name)
        if name not in package.files.get(version, {}):
            if version not in package.files:
                self._ask("publish", at, version)
            package.files.setdefault(version, {})[name] = content
        return package

    def versions(self, at: Coordinates) -> list[str]:
        """The versions that the repository has, or takes in through its upstreams."""
        allowed, refusal = [], Refused(404, f"Package '{at.name}' not found")
        for version in self.package(at.format, at.namespace, at.name).files:
            try:
                self._ask("ingest", at, version)
                allowed.append(version)
            except Refused as refused:
                refusal = refused
        if not allowed:
            raise refusal
        return allowed

    def _ask(self, control: str, at: Coordinates, version: str) -> None:
        package = {"format": at.format, "namespace": at.namespace, "package": at.name, "version": version}
        body = {"token": at.token, "domain": self._domain, "repository": at.repository, **package}
        request = urllib.request.Request(f"{self._emulator}/_emulator/{control}", json.dumps(body).encode())
        try:
            urllib.request.urlopen(request, timeout=10).close()
        except urllib.error.HTTPError as error:
            raise Refused(error.code, json.load(error)["message"]) from error


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
        self._body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        _, format, repository, rest = path.split("/", 3)
        try:
            getattr(self, f"_{format}")(repository, rest)
        except Refused as refused:
            self._answer(refused.status, {"error": str(refused), "message": str(refused)})

    def _answer(self, status: int, body: object, kind: str = "application/json") -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status, None)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="codeartifact"')
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _token(self) -> str:
        kind, _, value = self.headers.get("Authorization", "").partition(" ")
        if kind == "Basic":
            user, _, value = base64.b64decode(value).decode().partition(":")
            kind = "Bearer" if user == "aws" else "Basic"
        if kind != "Bearer":
            raise Refused(401, "Unauthenticated: no token")
        return value

    def _npm(self, repository: str, rest: str) -> None:
        found = re.fullmatch(r"(?:@(?P<scope>[^/]+)/)?(?P<name>[^/@-][^/]*)(?:/-/(?P<file>[^/]+[.]tgz))?", rest)
        if not found:
            raise Refused(404, f"{rest} is not served")
        at = Coordinates(self._token(), repository, "npm", found["scope"] or "", found["name"])
        package = self.gateway.package(at.format, at.namespace, at.name)
        if self.command == "PUT":
            document = json.loads(self._body)
            ((version, manifest),) = document["versions"].items()
            ((file, attached),) = document["_attachments"].items()
            self.gateway.publish(at, version, file.split("/")[-1], base64.b64decode(attached["data"]))
            package.manifests[version] = manifest
            self._answer(200, {"ok": True})
        elif found["file"]:
            files = [files for version, files in package.files.items() if version in self.gateway.versions(at)]
            self._answer(200, {k: v for f in files for k, v in f.items()}[found["file"]], "application/octet-stream")
        else:
            manifests = {version: package.manifests[version] for version in self.gateway.versions(at)}
            base = f"{self.gateway.url}/npm/{repository}/{rest}/-/"
            for version, manifest in manifests.items():
                ((file, content),) = package.files[version].items()
                integrity = base64.b64encode(hashlib.sha512(content).digest()).decode()
                manifest["dist"] = {"tarball": base + file, "integrity": f"sha512-{integrity}"}
            self._answer(200, {"name": rest, "dist-tags": {"latest": list(manifests)[-1]}, "versions": manifests})

    def _pypi(self, repository: str, rest: str) -> None:
        if self.command == "POST":
            form = self._form()
            at = self._python(repository, form["name"].decode())
            self.gateway.publish(at, form["version"].decode(), *form["content"])
            self._answer(200, {})
            return
        found = re.fullmatch(r"simple/(?P<name>[^/]+)/(?:(?P<version>[^/]+)/(?P<file>[^/]+))?", rest)
        if not found:
            raise Refused(404, f"{rest} is not served")
        at = self._python(repository, found["name"])
        package = self.gateway.package(at.format, at.namespace, at.name)
        versions = self.gateway.versions(at)
        if found["file"]:
            if found["version"] not in versions:
                raise Refused(404, f"{rest} is not there")
            self._answer(200, package.files[found["version"]][found["file"]], "application/octet-stream")
            return
        links = [
            f'<a href="{version}/{html.escape(file)}">{file}</a>'
            for version in versions
            for file in package.files[version]
        ]
        self._answer(200, "\n".join(links).encode(), "text/html")

    def _python(self, repository: str, name: str) -> Coordinates:
        # The service's own form of a name. Source: the user guide, "Package name normalization".
        return Coordinates(self._token(), repository, "pypi", "", re.sub(r"[-_.]+", "-", name).lower())

    def _cargo(self, repository: str, rest: str) -> None:
        token = self._token()
        if rest == "config.json":
            base = f"{self.gateway.url}/cargo/{repository}"
            self._answer(200, {"dl": base + "/{crate}/{version}/download", "api": base, "auth-required": True})
        elif rest == "api/v1/crates/new":
            described, crate = parts_of(self._body)
            crate_info = json.loads(described)
            at = Coordinates(token, repository, "cargo", "", crate_info["name"])
            self.gateway.publish(at, crate_info["vers"], "crate", crate)
            self._answer(200, {"warnings": {"invalid_categories": [], "invalid_badges": [], "other": []}})
        elif found := re.fullmatch(r"(?P<name>[^/]+)/(?P<version>[^/]+)/download", rest):
            at = Coordinates(token, repository, "cargo", "", found["name"])
            if found["version"] not in self.gateway.versions(at):
                raise Refused(404, f"{rest} is not there")
            package = self.gateway.package("cargo", "", found["name"])
            self._answer(200, package.files[found["version"]]["crate"], "application/octet-stream")
        else:
            at = Coordinates(token, repository, "cargo", "", rest.split("/")[-1])
            package = self.gateway.package("cargo", "", at.name)
            lines = [index_line(at.name, version, package.files[version]) for version in self.gateway.versions(at)]
            self._answer(200, "\n".join(lines).encode(), "text/plain")

    def _form(self) -> dict:
        """The fields of an upload; `content` is the file's name and its bytes."""
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + self._body)
        fields = {}
        for part in message.iter_parts():
            name = part.get_param("name", header="content-disposition")
            content = part.get_payload(decode=True)
            fields[name] = (part.get_filename(), content) if part.get_filename() else content
        return fields


def parts_of(body: bytes) -> list[bytes]:
    """The parts of what Cargo uploads, each after its length."""
    parts = []
    while body:
        length = int.from_bytes(body[:4], "little")
        parts.append(body[4 : 4 + length])
        body = body[4 + length :]
    return parts


def index_line(name: str, version: str, files: dict[str, bytes]) -> str:
    """A version in Cargo's index. The crates of these tests depend on nothing."""
    checksum = hashlib.sha256(files["crate"]).hexdigest()
    return json.dumps({"name": name, "vers": version, "deps": [], "cksum": checksum, "features": {}, "yanked": False})
