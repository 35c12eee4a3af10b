"""The protocol of Cargo: a sparse index, and crates."""

import hashlib
import json
import re

from .domain import Coordinates


def serve(call, repository: str, rest: str) -> None:
    token = call.token()
    if rest == "config.json":
        base = f"{call.gateway.url}/cargo/{repository}"
        call.answer(200, {"dl": base + "/{crate}/{version}/download", "api": base, "auth-required": True})
    elif rest == "api/v1/crates/new":
        described, crate = parts_of(call.body)
        about = json.loads(described)
        at = Coordinates(token, repository, "cargo", "", about["name"])
        call.gateway.publish(at, about["vers"], "crate", crate)
        call.answer(200, {"warnings": {"invalid_categories": [], "invalid_badges": [], "other": []}})
    elif found := re.fullmatch(r"(?P<name>[^/]+)/(?P<version>[^/]+)/download", rest):
        at = Coordinates(token, repository, "cargo", "", found["name"])
        call.answer(200, call.gateway.file(at, found["version"], "crate"), "application/octet-stream")
    else:
        at = Coordinates(token, repository, "cargo", "", rest.split("/")[-1])
        files = call.gateway.of(at).files
        lines = [index_line(at.name, version, files[version]) for version in call.gateway.versions(at)]
        call.answer(200, "\n".join(lines).encode(), "text/plain")


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
