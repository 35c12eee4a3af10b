"""A package manager of npm's protocol, as small as it can be: whether a version is let in, and may be published."""

import base64
import io
import json
import tarfile
import urllib.error
import urllib.parse
import urllib.request

SECONDS = 60


def install(endpoint: str, token: str, name: str, version: str) -> str | None:
    """Fetches a version as npm does, by its metadata. Says why it was refused, if it was."""
    metadata, why = _ask(_request(endpoint, token, name))
    if why is not None:
        return why
    found = json.loads(metadata)["versions"].get(version)
    if found is None:
        return f"{name} has no version {version} here"
    _, why = _ask(_signed(urllib.request.Request(found["dist"]["tarball"]), token))
    return why


def publish(endpoint: str, token: str, name: str, version: str) -> str | None:
    """Publishes a package with nothing in it. Says why it was refused, if it was."""
    manifest = {"name": name, "version": version}
    tarball = _packed(json.dumps(manifest).encode())
    file = f"{name}-{version}.tgz"
    attached = {"content_type": "application/octet-stream", "length": len(tarball)}
    document = {
        "_id": name,
        "name": name,
        "dist-tags": {"latest": version},
        "versions": {
            version: manifest | {"_id": f"{name}@{version}", "dist": {"tarball": f"{endpoint}{name}/-/{file}"}}
        },
        "_attachments": {file: attached | {"data": base64.b64encode(tarball).decode()}},
    }
    request = _request(endpoint, token, name, method="PUT", data=json.dumps(document).encode())
    request.add_header("Content-Type", "application/json")
    _, why = _ask(request)
    return why


def _request(endpoint: str, token: str, name: str, **how) -> urllib.request.Request:
    # npm leaves the @ of a scope, and escapes its slash.
    return _signed(urllib.request.Request(endpoint + urllib.parse.quote(name, safe="@"), **how), token)


def _signed(request: urllib.request.Request, token: str) -> urllib.request.Request:
    # Not sent along where the answer leads elsewhere: a file may be handed out by a presigned URL of S3.
    request.add_unredirected_header("Authorization", f"Bearer {token}")
    return request


def _ask(request: urllib.request.Request) -> tuple[bytes, str | None]:
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return answer.read(), None
    except urllib.error.HTTPError as refused:
        # A broken service is no refusal.
        if refused.code >= 500:
            raise
        return b"", f"{refused.code} {refused.read().decode(errors='replace')}".strip()


def _packed(manifest: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        entry = tarfile.TarInfo("package/package.json")
        entry.size = len(manifest)
        archive.addfile(entry, io.BytesIO(manifest))
    return packed.getvalue()
