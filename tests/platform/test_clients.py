"""docs/clients.md, as real package managers live it. tests/gateway stands in for the endpoints."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests"))
from gateway import Gateway, ruby  # noqa: E402

PAGE = (ROOT / "docs/clients.md").read_text(encoding="utf-8")
CLIENTS = ROOT / ".venv/clients"


def block(heading: str, language: str, number: int = 0) -> str:
    """A block of a section in this language."""
    section = re.search(rf"^##+ {re.escape(heading)}\n(.*?)(?=^##+ |\Z)", PAGE, re.MULTILINE | re.DOTALL)[1]
    return re.findall(rf"^```{language}\n(.*?)^```", section, re.MULTILINE | re.DOTALL)[number]


def npm_package(name: str, version: str) -> tuple[dict, bytes]:
    manifest = {"name": name, "version": version}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        content = json.dumps(manifest).encode()
        entry = tarfile.TarInfo("package/package.json")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return manifest, packed.getvalue()


def wheel(name: str, version: str) -> tuple[str, bytes]:
    packed, info = io.BytesIO(), f"{name}-{version}.dist-info"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(f"{name}.py", f"version = {version!r}\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return f"{name}-{version}-py3-none-any.whl", packed.getvalue()


def gem(folder: Path, name: str, version: str) -> Path:
    about = f's.name = "{name}"; s.version = "{version}"; s.summary = "x"; s.authors = ["x"]'
    (folder / f"{name}.gemspec").write_text(f"Gem::Specification.new {{ |s| {about} }}\n")
    subprocess.run(["gem", "build", "--silent", f"{name}.gemspec"], cwd=folder, check=True, capture_output=True)
    return folder / f"{name}-{version}.gem"


def crate(name: str, version: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        files = {
            "Cargo.toml": f'[package]\nname = "{name}"\nversion = "{version}"\nedition = "2021"\n',
            "src/lib.rs": "",
        }
        for path, text in files.items():
            entry = tarfile.TarInfo(f"{name}-{version}/{path}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return packed.getvalue()


@pytest.fixture(scope="module")
def gateway(terminal, tmp_path_factory):
    """The page's stack in the lab, with a gateway before its repositories and public registries that hold namesakes."""
    folder = tmp_path_factory.mktemp("stack")
    (folder / "clients-packages.yaml").write_text(block("Before", "yaml"), encoding="utf-8")
    terminal.run(f". target/lab/env; cd '{folder}'\n{block('Before', 'sh')}")
    stack = terminal.stack_id("clients-packages")
    with Gateway(terminal.emulator_url, "clients-pkgs") as gateway:
        for scope, name in [("payments", "ui"), ("", "event-stream"), ("", "left-pad")]:
            manifest, packed = npm_package(f"@{scope}/{name}" if scope else name, "9.9.9")
            package = gateway.package("npm", scope, name)
            package.files["9.9.9"], package.about["9.9.9"] = {f"{name}-9.9.9.tgz": packed}, manifest
        for name in ("payments", "payments-api", "six"):
            gateway.package("pypi", "", name).files["9.9.9"] = dict([wheel(name.replace("-", "_"), "9.9.9")])
        for name in ("payments-client", "itoa"):
            gateway.package("cargo", "", name).files["9.9.9"] = {"crate": crate(name, "9.9.9")}
        yield gateway
    terminal.client("cloudformation").delete_stack(StackName=stack)
    # What was published keeps the repositories: that is what they are there for.
    assert terminal.end_of(stack) == "DELETE_COMPLETE"
    codeartifact = terminal.client("codeartifact")
    for found in sorted(codeartifact.list_repositories()["repositories"], key=lambda found: len(found["name"])):
        codeartifact.delete_repository(domain="clients-pkgs", repository=found["name"])
    codeartifact.delete_domain(domain="clients-pkgs")


@pytest.fixture(scope="module")
def variables(terminal, gateway) -> dict[str, str]:
    """What the page's first commands set, with the endpoints at the gateway."""
    names = sorted(set(re.findall(r"[A-Z]+_[A-Z_]+(?==)", block("Before", "sh", 1))))
    script = [". target/lab/env", block("Before", "sh", 1), *(f'echo "{name}=${name}"' for name in names)]
    found = dict(line.split("=", 1) for line in terminal.run("\n".join(script)).splitlines())
    for name in names:
        if name.endswith("_ENDPOINT"):
            format, repository = found[name].split("/", 3)[3].split("/")[:2]
            assert (format, repository) == (name.split("_")[0].lower(), "team-payments")
            found[name] = f"{gateway.url}/{format}/{repository}/"
    return found


@pytest.fixture
def shell(terminal, variables, tmp_path):
    """Runs commands in a folder after the page's own of a section."""

    def run(heading: str, commands: str, fails: bool = False) -> str:
        lines = [
            f'. target/lab/env; PATH="{CLIENTS}/bin:{CLIENTS}/node_modules/.bin:$PATH"; cd "{tmp_path}"',
            block(heading, "sh"),
            f"if {{ {commands}; }} 2>&1; then {'false' if fails else 'true'}; else {'true' if fails else 'false'}; fi",
        ]
        quiet = {"npm_config_audit": "false", "npm_config_cache": str(tmp_path / "cache")}
        return terminal.run("\n".join(lines), **variables, **quiet)

    return run


def check_as_the_page_says(printed: str, quote: str) -> None:
    assert quote in PAGE
    assert quote in printed


def test_npm_publishes_installs_and_is_refused(shell, gateway, tmp_path):
    (tmp_path / "package.json").write_text('{"name": "@payments/ui", "version": "1.0.0"}')
    shell("npm", "npm publish")
    # No secret is in what the page has the reader commit.
    assert "${CODEARTIFACT_AUTH_TOKEN}" in (tmp_path / ".npmrc").read_text()
    (tmp_path / "package.json").write_text('{"name": "app", "version": "1.0.0"}')
    shell("npm", "npm install @payments/ui left-pad")
    installed = json.loads((tmp_path / "package-lock.json").read_text())["packages"]
    assert installed["node_modules/@payments/ui"]["version"] == "1.0.0"
    assert installed["node_modules/left-pad"]["version"] == "9.9.9"
    namesake = shell("npm", "npm install @payments/ui@9.9.9", fails=True)
    check_as_the_page_says(namesake, "No matching version found for @payments/ui@9.9.9")
    group = "package group /npm//event-stream$ restricts"
    blocked = shell("npm", "npm install event-stream", fails=True)
    check_as_the_page_says(blocked, "404 Not Found")
    assert f"{group} EXTERNAL_UPSTREAM to BLOCK" in blocked
    (tmp_path / "package.json").write_text('{"name": "event-stream", "version": "10.0.0"}')
    unpublished = shell("npm", "npm publish", fails=True)
    check_as_the_page_says(unpublished, "403 Forbidden")
    assert f"{group} PUBLISH to BLOCK" in unpublished


def test_npm_without_a_token_gets_nothing(shell, tmp_path):
    (tmp_path / "package.json").write_text('{"name": "app", "version": "1.0.0"}')
    refused = shell("npm", "CODEARTIFACT_AUTH_TOKEN=no npm install left-pad", fails=True)
    check_as_the_page_says(refused, "npm error code E401")


def test_pnpm_publishes_installs_and_is_refused(shell, tmp_path):
    (tmp_path / "package.json").write_text('{"name": "@payments/pnpm", "version": "1.0.0"}')
    shell("pnpm", "pnpm publish --no-git-checks")
    # No secret is in what the page has the reader commit.
    assert "Token" not in (tmp_path / ".npmrc").read_text()
    (tmp_path / "package.json").write_text('{"name": "app", "version": "1.0.0"}')
    shell("pnpm", "pnpm add @payments/pnpm left-pad")
    installed = [tmp_path / "node_modules" / name / "package.json" for name in ("@payments/pnpm", "left-pad")]
    assert [json.loads(each.read_text())["version"] for each in installed] == ["1.0.0", "9.9.9"]
    namesake = shell("pnpm", "pnpm add @payments/pnpm@9.9.9", fails=True)
    check_as_the_page_says(" ".join(namesake.split()), "No matching version found for @payments/pnpm@9.9.9")


def test_yarn_publishes_installs_and_is_refused(shell, tmp_path):
    # It speaks to no server without TLS by itself, and the gateway has none.
    local = "export YARN_UNSAFE_HTTP_WHITELIST=127.0.0.1 YARN_GLOBAL_FOLDER=$PWD/yarn YARN_ENABLE_TELEMETRY=0"
    (tmp_path / "yarn.lock").touch()
    (tmp_path / "package.json").write_text('{"name": "@payments/yarn", "version": "1.0.0"}')
    shell("yarn", f"{local} && yarn install && yarn npm publish")
    assert "${CODEARTIFACT_AUTH_TOKEN}" in (tmp_path / ".yarnrc.yml").read_text()
    (tmp_path / "package.json").write_text('{"name": "app", "version": "1.0.0"}')
    shell("yarn", f"{local} && yarn add @payments/yarn left-pad")
    resolved = re.findall(r'resolution: "(\S+)@npm:(\S+)"', (tmp_path / "yarn.lock").read_text())
    assert resolved == [("@payments/yarn", "1.0.0"), ("left-pad", "9.9.9")]
    shell("yarn", f"rm -r .yarn node_modules .pnp.* 2>/dev/null; {local} CI=true && yarn install")
    namesake = shell("yarn", f"{local} && yarn add @payments/yarn@9.9.9", fails=True)
    check_as_the_page_says(namesake, "@payments/yarn@npm:9.9.9: No candidates found")


def test_twine_publishes_what_pip_installs(shell, tmp_path):
    name, content = wheel("payments", "1.0.0")
    (tmp_path / name).write_bytes(content)
    shell("twine", f"twine upload --disable-progress-bar {name}")
    python = f"{sys.executable} -m pip install --no-cache-dir --target installed"
    shell("pip", f"{python} payments six")
    installed = [(tmp_path / "installed" / f"{module}.py").read_text() for module in ("payments", "six")]
    assert installed == ["version = '1.0.0'\n", "version = '9.9.9'\n"]
    refused = shell("pip", f"{python} payments==9.9.9", fails=True)
    check_as_the_page_says(refused, "No matching distribution found for payments==9.9.9")


def test_uv_publishes_what_it_installs(shell, tmp_path):
    name, content = wheel("payments_api", "1.0.0")
    (tmp_path / name).write_bytes(content)
    shell("uv", f"uv publish {name}")
    shell("uv", f"uv pip install --no-cache --python {sys.executable} --target installed payments-api six")
    assert (tmp_path / "installed/payments_api.py").read_text() == "version = '1.0.0'\n"
    install = f"uv pip install --no-cache --python {sys.executable} --target more payments-api==9.9.9"
    check_as_the_page_says(shell("uv", install, fails=True), "there is no version of payments-api==9.9.9")


def test_poetry_publishes_what_it_installs(shell, tmp_path):
    about = '[project]\nname = "{}"\nversion = "1.0.0"\nrequires-python = ">=3.11"\n'
    (tmp_path / "pyproject.toml").write_text(about.format("payments-poetry"))
    (tmp_path / "dist").mkdir()
    name, content = wheel("payments_poetry", "1.0.0")
    (tmp_path / "dist" / name).write_bytes(content)
    shell("poetry", "poetry publish --repository kloudvin")
    (tmp_path / "pyproject.toml").write_text(about.format("app") + "[tool.poetry]\npackage-mode = false\n")
    quick = "export POETRY_VIRTUALENVS_OPTIONS_NO_PIP=true"
    namesake = "! poetry add payments-poetry==9.9.9"
    printed = shell("poetry", f"{quick} && poetry add payments-poetry six && {namesake}")
    lock = (tmp_path / "poetry.lock").read_text()
    assert re.findall(r'name = "(\S+)"\nversion = "(\S+)"', lock) == [("payments-poetry", "1.0.0"), ("six", "9.9.9")]
    check_as_the_page_says(printed, "Could not find a matching version of package payments-poetry")


@pytest.fixture
def cargo_home(tmp_path, monkeypatch, variables):
    """Cargo with a home of its own, and the page's configuration with the endpoint at the gateway."""
    monkeypatch.setenv("RUSTUP_HOME", os.environ.get("RUSTUP_HOME", str(Path.home() / ".rustup")))
    monkeypatch.setenv("CARGO_HOME", str(tmp_path / "cargo"))
    (tmp_path / ".cargo").mkdir()
    configuration = re.sub(r"(?<=sparse[+])https:[^\"]+", variables["CARGO_ENDPOINT"], block("Cargo", "toml"))
    (tmp_path / ".cargo/config.toml").write_text(configuration)


def new_crate(folder: Path, name: str) -> None:
    (folder / "src").mkdir(exist_ok=True)
    (folder / "src/lib.rs").write_text("")
    about = f'name = "{name}"\nversion = "1.0.0"\nedition = "2021"\nlicense = "MIT"\ndescription = "x"\n'
    (folder / "Cargo.toml").write_text(f"[package]\n{about}[workspace]\n")


@pytest.mark.usefixtures("cargo_home")
def test_cargo_publishes_what_it_fetches(shell, tmp_path):
    new_crate(tmp_path, "payments-client")
    shell("Cargo", "cargo publish --registry kloudvin --no-verify --allow-dirty")
    new_crate(tmp_path, "app")
    shell("Cargo", "cargo add itoa && cargo add payments-client --registry kloudvin && cargo fetch")
    lock = (tmp_path / "Cargo.lock").read_text()
    versions = dict(re.findall(r'name = "([^"]+)"\nversion = "([^"]+)"', lock))
    assert versions == {"app": "1.0.0", "itoa": "9.9.9", "payments-client": "1.0.0"}
    refused = shell("Cargo", "cargo add payments-client@9.9.9 --registry kloudvin && cargo fetch", fails=True)
    check_as_the_page_says(refused, "the crate `payments-client@9.9.9` could not be found in registry index")


# Where Debian's packages put Maven's plugins.
MAVEN_REPOSITORY = Path("/usr/share/maven-repo")
DEPLOY, EXEC = ("org.apache.maven.plugins", "maven-deploy-plugin"), ("org.codehaus.mojo", "exec-maven-plugin")


def plugin(group: str, artifact: str) -> str:
    """A plugin as it is called, of the version that is there."""
    jars = sorted((MAVEN_REPOSITORY / group.replace(".", "/") / artifact).glob("*/*.jar"))
    if not shutil.which("mvn") or not jars:
        pytest.skip("no Maven here: apt-get install maven libmaven-deploy-plugin-java libexec-maven-plugin-java")
    return f"{group}:{artifact}:{jars[-1].parent.name}"


@pytest.fixture
def maven(gateway, terminal, variables, tmp_path):
    """Runs Maven with the page's settings, and with plugins that the public registry has."""
    for path in (path for path in MAVEN_REPOSITORY.rglob("*") if path.is_file()):
        *group, artifact, version, name = path.relative_to(MAVEN_REPOSITORY).parts
        gateway.package("maven", ".".join(group), artifact).files.setdefault(version, {})[name] = path.read_bytes()
    (tmp_path / ".m2").mkdir()
    (tmp_path / ".m2/settings.xml").write_text(block("Maven", "xml"))

    # It runs for a moment: what the JVM would do for a long run costs more than it brings.
    quick = {"MAVEN_OPTS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}

    def run(arguments: str, fails: bool = False) -> str:
        command = f"mvn --batch-mode -Duser.home='{tmp_path}' {arguments}"
        return terminal.run(f"cd '{tmp_path}'; {'!' if fails else ''} {command}", **variables, **quick)

    return run


def project(version: str) -> str:
    """A project that depends on the version."""
    client = f"<groupId>com.kloudvin.payments</groupId><artifactId>client</artifactId><version>{version}</version>"
    about = "<modelVersion>4.0.0</modelVersion><groupId>com.kloudvin</groupId><artifactId>app</artifactId>"
    needs = f"<dependencies><dependency>{client}</dependency></dependencies>"
    return f"<project>{about}<version>1.0.0</version>{needs}</project>"


def test_maven_publishes_what_it_fetches(maven, tmp_path):
    with zipfile.ZipFile(tmp_path / "client.jar", "w") as jar:
        jar.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n")
    client = "-Dfile=client.jar -DgroupId=com.kloudvin.payments -DartifactId=client -Dversion=1.0.0"
    maven(f"{plugin(*DEPLOY)}:deploy-file -DrepositoryId=kloudvin -Durl=$MAVEN_ENDPOINT {client}")
    (tmp_path / "pom.xml").write_text(project("1.0.0"))
    resolve = f"{plugin(*EXEC)}:exec -Dexec.executable=echo -Dexec.args=%classpath"
    fetched = re.search(r"^/.*:(/\S+/client-1[.]0[.]0[.]jar)$", maven(resolve), re.MULTILINE)[1]
    assert Path(fetched).read_bytes() == (tmp_path / "client.jar").read_bytes()
    (tmp_path / "pom.xml").write_text(project("9.9.9"))
    namesake = maven(resolve, fails=True)
    check_as_the_page_says(namesake, "Could not find artifact com.kloudvin.payments:client:jar:9.9.9 in kloudvin")


@pytest.fixture
def gems(gateway, tmp_path_factory):
    """Gems in the public registry."""
    public = tmp_path_factory.mktemp("public")
    if not shutil.which("gem"):
        pytest.skip("no gem here: apt-get install ruby")
    for name in ("payments", "payments-api", "rainbow"):
        ruby.add(gateway.package("ruby", "", name), gem(public, name, "9.9.9").read_bytes())


@pytest.mark.usefixtures("gems")
def test_gem_publishes_what_it_installs(shell, tmp_path):
    version = subprocess.run(["gem", "--version"], check=True, capture_output=True, text=True).stdout.strip()
    if tuple(map(int, re.findall(r"\d+", version)[:3])) >= (3, 5, 19):
        pytest.skip(f"RubyGems {version}: CodeArtifact serves gem install before 3.5.19 only (user guide)")
    gem(tmp_path, "payments", "1.0.0")
    shell("gem", "gem push payments-1.0.0.gem")
    install = 'gem install --install-dir gems --clear-sources --source "$RUBY_SOURCE"'
    shell("gem", f"{install} payments rainbow")
    assert {path.name for path in (tmp_path / "gems/gems").iterdir()} == {"payments-1.0.0", "rainbow-9.9.9"}
    namesake = shell("gem", f"{install} payments:9.9.9", fails=True)
    check_as_the_page_says(namesake, "Could not find a valid gem 'payments' (= 9.9.9)")


@pytest.mark.usefixtures("gems")
def test_bundler_installs_what_gem_publishes(shell, tmp_path):
    if not shutil.which("bundle"):
        pytest.skip("no Bundler here: apt-get install ruby-bundler")
    gem(tmp_path, "payments-api", "1.0.0")
    shell("gem", "gem push payments-api-1.0.0.gem")
    gemfile = 'source "https://rubygems.org"\n'
    (tmp_path / "Gemfile").write_text(f'{gemfile}gem "payments-api"\ngem "rainbow"\n')
    shell("Bundler", "BUNDLE_PATH=bundled bundle install")
    installed = {path.name for path in tmp_path.glob("bundled/ruby/*/gems/*")}
    assert installed == {"payments-api-1.0.0", "rainbow-9.9.9"}
    assert "CODEARTIFACT" not in (tmp_path / ".bundle/config").read_text()
    (tmp_path / "Gemfile").write_text(f'{gemfile}gem "payments-api", "9.9.9"\n')
    namesake = shell("Bundler", "BUNDLE_PATH=bundled bundle install", fails=True)
    check_as_the_page_says(namesake, "Could not find gem 'payments-api (= 9.9.9)' in rubygems repository")


@pytest.mark.usefixtures("gateway")
def test_why_a_build_is_refused_can_be_found_out(terminal):
    held = {"domain": "clients-pkgs", "repository": "team-payments", "format": "npm", "package": "left-pad"}
    terminal.emulator("ingest", held)
    printed = terminal.run(f". target/lab/env\n{block('Why a build is refused', 'sh')}")
    searched, group, controls = (json.loads(part) for part in re.split(r"(?<=[\]}])\n(?=[\[{])", printed))
    assert {upstream["repositoryName"] for upstream in searched[0]} >= {"team-payments-upstream-npmjs"}
    assert group[0] == "/npm//event-stream$" and group[1]["PUBLISH"]["mode"] == "BLOCK"
    assert controls == {"publish": "BLOCK", "upstream": "ALLOW"}


def test_the_templates_of_the_page_are_clean(tmp_path):
    templates = {"packages": block("Before", "yaml"), "builds": block("GitHub Actions", "yaml")}
    for name, template in templates.items():
        (tmp_path / f"{name}.yaml").write_text(template, encoding="utf-8")
    lint = [ROOT / ".venv/bin/cfn-lint", "--append-rules", ROOT / "cfnlint", "--", *tmp_path.iterdir()]
    subprocess.run(lint, check=True)


def test_each_section_says_whether_it_is_run():
    source = Path(__file__).read_text(encoding="utf-8")
    run = set(re.findall(r'shell\("([^"]+)"', source)) | {"Maven"}
    sections = re.search(r"^## npm\n.*?(?=^## What a refusal)", PAGE, re.MULTILINE | re.DOTALL)[0]
    said = dict(re.findall(r"^##+ (.+)\n\n[*](Run by a test|Not run)\b.*[*]$", sections, re.MULTILINE))
    unsaid = {"Continuous integration without stored tokens"}
    assert set(said) == set(re.findall(r"^##+ (.+)$", sections, re.MULTILINE)) - unsaid
    assert {heading for heading, words in said.items() if words == "Run by a test"} == run
