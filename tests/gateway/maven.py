"""The protocol of Maven: files by group, artifact and version, their checksums, and a list of versions.

Source: the user guide, "Use Maven checksums": what is uploaded is held to its checksums, which are computed and not
kept; a version can be had when maven-metadata.xml came. Snapshots are not served here.
"""

import hashlib
import re
import xml.etree.ElementTree as ET

from .domain import Coordinates, Refused

METADATA = "maven-metadata.xml"
CHECKSUMS = ("md5", "sha1", "sha256", "sha512")


def serve(call, repository: str, rest: str) -> None:
    name, _, ending = rest.rpartition(".")
    path, checksum = (name, ending) if ending in CHECKSUMS else (rest, "")
    *folders, file = path.split("/")
    version = "" if file == METADATA else folders.pop()
    if version.endswith("-SNAPSHOT") or len(folders) < 2:
        raise Refused(404, f"{rest} is not served")
    at = Coordinates(call.token(), repository, "maven", ".".join(folders[:-1]), folders[-1])
    if call.command == "PUT":
        put(call, at, version, file, checksum)
        call.answer(201, b"", "text/plain")
        return
    content = call.gateway.file(at, version, file) if version else metadata(at, call.gateway.versions(at))
    if checksum:
        content = hashlib.new(checksum, content).hexdigest().encode()
    call.answer(200, content, "application/octet-stream")


def put(call, at: Coordinates, version: str, file: str, checksum: str) -> None:
    package = call.gateway.of(at)
    if checksum:
        # That of the metadata comes when its version is finished, which is of no use to anybody any more.
        content = package.unfinished.get(version, {}).get(file)
        if content is not None and hashlib.new(checksum, content).hexdigest() != call.body.decode():
            raise Refused(400, f"The {checksum} of {file} is another")
    elif version:
        call.gateway.begin(at, version, file, call.body)
    else:
        named = set(re.findall(r"<version>([^<]+)</version>", call.body.decode()))
        for finished in named & set(package.unfinished):
            call.gateway.finish(at, finished, file)


def metadata(at: Coordinates, versions: list[str]) -> bytes:
    root = ET.Element("metadata")
    ET.SubElement(root, "groupId").text = at.namespace
    ET.SubElement(root, "artifactId").text = at.name
    versioning = ET.SubElement(root, "versioning")
    ET.SubElement(versioning, "latest").text = versions[-1]
    ET.SubElement(versioning, "release").text = versions[-1]
    listed = ET.SubElement(versioning, "versions")
    for version in versions:
        ET.SubElement(listed, "version").text = version
    return ET.tostring(root)
