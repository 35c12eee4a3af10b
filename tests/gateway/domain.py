"""The files of a domain's packages; and the emulator, which is asked about each version that comes in or goes out."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field


class Refused(Exception):
    """The emulator's refusal."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


@dataclass
class Package:
    """A package's files by version, wherever they came from."""

    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    # What the client or the protocol says of a version beside its files.
    about: dict[str, dict] = field(default_factory=dict)
    # When a version was published here.
    published: dict[str, str] = field(default_factory=dict)
    # Versions of which files are still to come.
    unfinished: dict[str, dict[str, bytes]] = field(default_factory=dict)


@dataclass
class Coordinates:
    """A package in a repository, as whoever has the token asks for it."""

    token: str
    repository: str
    format: str
    namespace: str
    name: str


class Domain:
    """The packages of one domain of the emulator's."""

    def __init__(self, emulator: str, domain: str):
        self._emulator, self._domain = emulator, domain
        self._packages: dict[tuple[str, str, str], Package] = {}

    def package(self, format: str, namespace: str, name: str) -> Package:
        return self._packages.setdefault((format, namespace, name), Package())

    def of(self, at: Coordinates) -> Package:
        return self.package(at.format, at.namespace, at.name)

    def publish(self, at: Coordinates, version: str, name: str, content: bytes) -> Package:
        package = self.of(at)
        if name not in package.files.get(version, {}):
            if version not in package.files:
                self._ask("publish", at, version=version)
            package.files.setdefault(version, {})[name] = content
        return package

    def begin(self, at: Coordinates, version: str, name: str, content: bytes) -> None:
        """Takes a file of a version that can be had when `finish` says so."""
        self._ask("publish", at, version=version, asset=name, unfinished=True)
        self.of(at).unfinished.setdefault(version, {})[name] = content

    def finish(self, at: Coordinates, version: str, name: str) -> None:
        self._ask("publish", at, version=version, asset=name)
        package = self.of(at)
        package.files[version] = package.unfinished.pop(version)

    def versions(self, at: Coordinates) -> list[str]:
        """The versions that the repository has, or takes in through its upstreams."""
        allowed, refusal = [], Refused(404, f"Package '{at.name}' not found")
        for version in self.of(at).files:
            try:
                self._ask("ingest", at, version=version)
                allowed.append(version)
            except Refused as refused:
                refusal = refused
        if not allowed:
            raise refusal
        return allowed

    def file(self, at: Coordinates, version: str, name: str) -> bytes:
        """A file of a version that the repository has, or takes in."""
        found = self.of(at).files.get(version, {})
        # What no registry has is not asked for: the emulator would take it in.
        if name not in found:
            raise Refused(404, f"{name} is not there")
        self._ask("ingest", at, version=version)
        return found[name]

    def _ask(self, control: str, at: Coordinates, **more: object) -> None:
        package = {"format": at.format, "namespace": at.namespace, "package": at.name}
        body = {"token": at.token, "domain": self._domain, "repository": at.repository, **package, **more}
        request = urllib.request.Request(f"{self._emulator}/_emulator/{control}", json.dumps(body).encode())
        try:
            urllib.request.urlopen(request, timeout=10).close()
        except urllib.error.HTTPError as error:
            raise Refused(error.code, json.load(error)["message"]) from error
