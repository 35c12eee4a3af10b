"""The protocol of gem and Bundler, as far as CodeArtifact has it.

Source: the user guide, "RubyGems command support" and "Bundler compatibility": no compact index's /versions, no
specs.4.8.gz, Bundler resolves by /api/v1/dependencies. That gem, which is said to work before 3.5.19, is served /info
is concluded from what those versions ask for.
"""

import base64
import hashlib
import json
import re
import subprocess

from .domain import Coordinates, Package, Refused

# What only Ruby writes and reads. Whoever has such packages has it.
DESCRIBE = """
spec = Gem::Package.new(StringIO.new($stdin.binmode.read)).spec
needs = spec.runtime_dependencies.map { |each| [each.name, each.requirement.to_s] }
quick = [Gem.deflate(Marshal.dump(spec))].pack("m0")
print JSON.dump(name: spec.name, number: spec.version.to_s, platform: spec.platform, dependencies: needs, quick: quick)
"""
MARSHAL = "print Marshal.dump(JSON.parse($stdin.read, symbolize_names: true))"


def run(program: str, given: bytes) -> bytes:
    command = ["ruby", "-rjson", "-rstringio", "-rrubygems/package", "-e", program]
    return subprocess.run(command, input=given, stdout=subprocess.PIPE, check=True, timeout=60).stdout


def serve(call, repository: str, rest: str) -> None:
    token = call.token()

    def at(name: str) -> Coordinates:
        return Coordinates(token, repository, "ruby", "", name)

    if rest == "" or (rest == "api/v1/dependencies" and "gems" not in call.query):
        call.answer(200, b"", "text/plain")
    elif rest == "api/v1/gems":
        about = json.loads(run(DESCRIBE, call.body))
        package = call.gateway.publish(at(about["name"]), about["number"], "gem", call.body)
        package.about[about["number"]] = about
        call.answer(200, f"Successfully registered gem: {about['name']} ({about['number']})".encode(), "text/plain")
    elif rest == "api/v1/dependencies":
        found = [about for name in call.query["gems"].split(",") for about in known(call.gateway, at(name))]
        call.answer(200, run(MARSHAL, json.dumps(found).encode()), "application/octet-stream")
    elif found := re.fullmatch(r"info/(?P<name>[^/]+)", rest):
        call.answer(200, info(call.gateway, at(found["name"])), "text/plain")
    elif found := re.fullmatch(
        r"(?P<kind>gems|quick/Marshal[.]4[.]8)/(?P<name>[^/]+)-(?P<version>[^-/]+)[.](?:gem|gemspec[.]rz)", rest
    ):
        gem = call.gateway.file(at(found["name"]), found["version"], "gem")
        quick = call.gateway.of(at(found["name"])).about[found["version"]]["quick"]
        call.answer(200, gem if found["kind"] == "gems" else base64.b64decode(quick), "application/octet-stream")
    else:
        raise Refused(404, f"{rest} is not served")


def add(package: Package, gem: bytes) -> None:
    """Puts a gem into a public registry."""
    about = json.loads(run(DESCRIBE, gem))
    package.files[about["number"]], package.about[about["number"]] = {"gem": gem}, about


def known(gateway, at: Coordinates) -> list[dict]:
    """What Bundler resolves by. A gem that there is not, or that is kept out, is not named."""
    try:
        versions = gateway.versions(at)
    except Refused as refused:
        if refused.status == 404:
            return []
        raise
    about = gateway.of(at).about
    return [{key: value for key, value in about[version].items() if key != "quick"} for version in versions]


def info(gateway, at: Coordinates) -> bytes:
    """A gem's versions as gem reads them. The gems of these tests depend on nothing."""
    files = gateway.of(at).files
    lines = [
        f"{version} |checksum:{hashlib.sha256(files[version]['gem']).hexdigest()}" for version in gateway.versions(at)
    ]
    return "\n".join(["---", *lines, ""]).encode()
