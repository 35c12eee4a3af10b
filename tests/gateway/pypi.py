"""The protocol of pip, uv, poetry and twine."""

import html
import re

from .domain import Coordinates, Refused


def serve(call, repository: str, rest: str) -> None:
    if call.command == "POST":
        form = call.form()
        at = coordinates(call, repository, form["name"].decode())
        call.gateway.publish(at, form["version"].decode(), *form["content"])
        call.answer(200, {})
        return
    found = re.fullmatch(r"simple/(?P<name>[^/]+)/(?:(?P<version>[^/]+)/(?P<file>[^/]+))?", rest)
    if not found:
        raise Refused(404, f"{rest} is not served")
    at = coordinates(call, repository, found["name"])
    if found["file"]:
        call.answer(200, call.gateway.file(at, found["version"], found["file"]), "application/octet-stream")
        return
    files = call.gateway.of(at).files
    links = [
        f'<a href="{version}/{html.escape(file)}">{file}</a>'
        for version in call.gateway.versions(at)
        for file in files[version]
    ]
    call.answer(200, "\n".join(links).encode(), "text/html")


def coordinates(call, repository: str, name: str) -> Coordinates:
    # The service's own form of a name. Source: the user guide, "Package name normalization".
    return Coordinates(call.token(), repository, "pypi", "", re.sub(r"[-_.]+", "-", name).lower())
