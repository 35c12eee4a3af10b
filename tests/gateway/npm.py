"""The protocol of npm, pnpm and yarn."""

import base64
import datetime
import hashlib
import json
import re

from .domain import Coordinates, Refused

# When a namesake was put into the public registry.
LONG_AGO = "2020-01-01T00:00:00.000Z"


def serve(call, repository: str, rest: str) -> None:
    found = re.fullmatch(r"(?:@(?P<scope>[^/]+)/)?(?P<name>[^/@-][^/]*)(?:/-/(?P<file>[^/]+[.]tgz))?", rest)
    if not found:
        raise Refused(404, f"{rest} is not served")
    at = Coordinates(call.token(), repository, "npm", found["scope"] or "", found["name"])
    if call.command == "PUT":
        publish(call, at)
    elif found["file"]:
        package = call.gateway.of(at)
        files = [package.files[version] for version in call.gateway.versions(at)]
        call.answer(200, {k: v for f in files for k, v in f.items()}[found["file"]], "application/octet-stream")
    else:
        call.answer(200, document(call.gateway, at, f"{call.gateway.url}/npm/{repository}/{rest}/-/"))


def publish(call, at: Coordinates) -> None:
    body = json.loads(call.body)
    ((version, manifest),) = body["versions"].items()
    ((file, attached),) = body["_attachments"].items()
    package = call.gateway.publish(at, version, file.split("/")[-1], base64.b64decode(attached["data"]))
    package.about[version] = manifest
    package.published[version] = datetime.datetime.now(datetime.UTC).isoformat()
    call.answer(200, {"ok": True})


def document(gateway, at: Coordinates, base: str) -> dict:
    """What npm is told of a package."""
    package = gateway.of(at)
    manifests = {version: package.about[version] for version in gateway.versions(at)}
    for version, manifest in manifests.items():
        ((file, content),) = package.files[version].items()
        integrity = base64.b64encode(hashlib.sha512(content).digest()).decode()
        manifest["dist"] = {"tarball": base + file, "integrity": f"sha512-{integrity}"}
    # npm's own registry has it. Whether CodeArtifact does is not published; clients hold back what is young by it.
    time = {version: package.published.get(version, LONG_AGO) for version in manifests}
    name = f"@{at.namespace}/{at.name}" if at.namespace else at.name
    return {"name": name, "dist-tags": {"latest": list(manifests)[-1]}, "versions": manifests, "time": time}
