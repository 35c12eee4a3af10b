"""cfnlint/, the rule for cfn-lint, on templates that are right and wrong."""

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "cfnlint"), str(ROOT / "tools")]
import cfn_yaml  # noqa: E402
import codeartifact_stack as rule  # noqa: E402
import release  # noqa: E402

TABLE = json.loads((ROOT / "tests/fixtures/properties.json").read_text(encoding="utf-8"))
# In a template this is a function's value.
A_FUNCTION = {"DomainName": {"Ref": "DomainName"}}
OURS = sorted(path for path in ROOT.glob("examples/*/*.yaml") if "Custom::CodeArtifactStack" in path.read_text("utf-8"))
WRONG = """\
Parameters:
  Domain: {Type: String}
  Owner: {Type: String, Default: ""}
Conditions:
  IsOwn: !Equals [!Ref Owner, ""]
Resources:
  Key: {Type: "AWS::KMS::Key"}
  Builds:
    Type: AWS::IAM::Role
    Properties: {AssumeRolePolicyDocument: {Statement: []}}
  Packages:
    Type: Custom::CodeArtifactStack
    Properties:
      ServiceToken: !ImportValue codeartifact-stack-ServiceToken
      DomainName: !Ref Domain
      KmsKeyArn: alias/pkgs
      ExternalConection: public:npmjs
      Upstreams: [!Ref Domain, shared, "not a name"]
      DeletionMode: !If [IsOwn, Keep, !Ref AWS::NoValue]
      DomainOwner: 012345670123
      Access:
        Publishers: [!GetAtt Builds.Arn]
        Reader: [!Sub "${AWS::AccountId}"]
      RepositoryPolicyDocument: {Statement: [{Effect: Deny, Principal: "*", Action: !Ref Domain, Resource: "*"}]}
"""
SAID = """\
13: E9470 RepositoryName: is required
16: E9470 KmsKeyArn: must be a KMS key ARN of the form arn:PARTITION:kms:REGION:ACCOUNT:key/ID, got "alias/pkgs"
17: E9470 ExternalConection: there is no such property, did you mean ExternalConnection?
18: E9470 Upstreams: must be 2 to 100 letters, digits and the characters . _ - and begin with a letter or digit, got \
"not a name"
19: E9470 DeletionMode: must be one of Delete, RetainIfNotEmpty, Retain, got "Keep"
20: E9470 DomainOwner: must be an account id of 12 digits, in quotes, got 1402433619
21: E9470 Access: cannot be combined with RepositoryPolicyDocument
23: E9470 Access: there is no Reader in it, did you mean Readers?
"""
ALONE = """\
Transform: AWS::LanguageExtensions
Parameters:
  Anything: {Type: String, Default: ""}
  Several: {Type: CommaDelimitedList, Default: ""}
Conditions:
  Is: !Equals [!Ref Anything, ""]
Resources:
  Packages:
    Type: Custom::CodeArtifactStack
    Properties:
      ServiceToken: !ImportValue codeartifact-stack-ServiceToken
      DomainName: !Sub "${Anything}-pkgs"
      KmsKeyArn: !If [Is, !Ref AWS::NoValue, !ImportValue Key]
      DomainOwner: !Ref Anything
      RepositoryName: !Join ["-", [team, !Ref Anything]]
      ExternalConnection: !Ref Several
      Upstreams: !Split [",", !Ref Anything]
      InternalPackages: [!Sub "/npm/${Anything}/*", !Ref AWS::NoValue]
      DomainPolicyDocument: !ToJsonString {Statement: !Ref Anything}
      Access: !If [Is, {Readers: [!Ref Anything]}, !Ref AWS::NoValue]
      RepositoryPolicyDocument: !If [Is, !Ref AWS::NoValue, {Statement: [!Ref Anything]}]
      RepositoryDescription: "{{resolve:ssm:/packages/description}}"
      Tags: {squad: !Ref Anything, tier: 1}
      AdoptExisting: !Ref Anything
"""


def messages(changes: dict) -> list[str]:
    return [problem.message for problem in rule.problems(TABLE["base"] | changes)]


@pytest.fixture(scope="module")
def linted(tmp_path_factory) -> dict[str, list[str]]:
    """What cfn-lint says of each template with the rules that a release has: LINE: ID MESSAGE."""
    folder = tmp_path_factory.mktemp("templates")
    (folder / "wrong.yaml").write_text(WRONG, encoding="utf-8")
    as_json = json.dumps(cfn_yaml.load(folder / "wrong.yaml"), indent=1)
    (folder / "wrong.json").write_text(as_json, encoding="utf-8")
    (folder / "alone.yaml").write_text(ALONE, encoding="utf-8")
    release.pack_rules(ROOT, folder / "rules.zip")
    with zipfile.ZipFile(folder / "rules.zip") as archive:
        archive.extractall(folder / "rules")
    options = ["--ignore-checks", "W", "--format", "parseable", "--append-rules", folder / "rules"]
    templates = [*folder.glob("*.yaml"), *folder.glob("*.json"), *OURS]
    command = [ROOT / ".venv/bin/cfn-lint", *options, "--", *templates]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.stderr == ""
    said = {path.name: [] for path in templates}
    for path, line, found, message in re.findall(r"^(.*?):(\d+):\d+:\d+:\d+:(E\d+):(.*)$", run.stdout, re.MULTILINE):
        said[Path(path).name].append(f"{line}: {found} {message}")
    return said | {"lines of wrong.json": as_json.splitlines()}


@pytest.mark.parametrize("case", [*TABLE["good"], A_FUNCTION], ids=json.dumps)
def test_it_takes_what_the_function_takes(case):
    assert messages(case) == []


@pytest.mark.parametrize("case", [case for case in TABLE["bad"] if case != A_FUNCTION], ids=json.dumps)
def test_it_refuses_what_the_schema_refuses(case):
    said = messages(case)
    assert said
    assert {re.split("[:.]", one)[0] for one in said} <= case.keys() | {"KmsKeyArn"}


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ({"domain_name": "pkgs"}, "domain_name: there is no such property, did you mean DomainName?"),
        ({"EncryptionKey": "x"}, "EncryptionKey: there is no such property, did you mean KmsKeyArn?"),
        (
            {"DeletionMode": "retain"},
            'DeletionMode: must be one of Delete, RetainIfNotEmpty, Retain, got "retain" (did you mean Retain?)',
        ),
        ({"Connections": "x"}, "Connections: there is no such property, did you mean ExternalConnection?"),
        ({"Zzyzx": "x"}, "Zzyzx: there is no such property"),
        ({"KmsKeyArn": ""}, "KmsKeyArn: is required"),
        ({"Access": {"Readers": ["*"]}}, 'Access: Readers may be ["*"] only with an OrganizationId'),
        ({"AdoptExisting": "yes"}, 'AdoptExisting: must be true or false, got "yes"'),
        ({"Access": {"Readers": "*"}}, 'Access.Readers: must be a list, got "*"'),
        (
            {"Access": {"Publishers": ["ci"]}},
            "Access.Publishers: must be an account id of 12 digits or the ARN of an IAM user, role or root, "
            'without a wildcard, got "ci"',
        ),
        (
            {"DeletionPolicy": "Retain"},
            "DeletionPolicy: there is no such property; the attribute DeletionPolicy of a resource is beside its "
            "Properties, did you mean DeletionMode?",
        ),
        (
            {"DomainAccess": {"Readers": []}},
            "DomainAccess: there is no Readers in it; it may have OrganizationId, Principals",
        ),
        ({"Upstreams": "shared"}, 'Upstreams: must be a list, got "shared"'),
        ({"Upstreams": ["a-1", "a-1"]}, "Upstreams: a-1 appears twice"),
        ({"Refresh": []}, "Refresh: must be a string, a number or a boolean, got []"),
        ({"Tags": "a=b"}, 'Tags: must be an object or a list, got "a=b"'),
        ({"Tags": {f"k{n}": "v" for n in range(45)}}, "Tags: at most 44 may be given, got 45"),
        ({"Tags": [{"Key": "a"}]}, "Tags: Value is missing"),
        (
            {"RepositoryDescription": "x" * 1001},
            f'RepositoryDescription: must be at most 1000 characters, got "{"x" * 99}…',
        ),
    ],
)
def test_it_says_so_in_the_functions_words(case, said):
    assert messages(case) == [said]


FORMATS = "/npm/, /pypi/, /maven/, /nuget/, /generic/, /ruby/, /swift/, /cargo/"


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("@payments/*", rule.FORM),
        ("/npm/payments", rule.FORM),
        ("/*", "must not be the root /*, which holds every package"),
        ("/pip//x$", f"must begin with a format: {FORMATS}"),
        ("/npm/*", "names a format alone, and so holds its public packages too: name some, as in /npm/acme/*"),
        ("/pypi//*", "names a format alone, and so holds its public packages too: name some, as in /pypi//acme-*"),
        (
            "/npm/@acme/*",
            "holds nothing, for the service has the scopes of npm without their @: write /npm/acme/*",
        ),
        ("/npm/pay*", rule.PATTERN["description"]),
        (f"/npm/{'a' * 520}~", "must be at most 520 characters"),
    ],
)
def test_a_slip_in_a_pattern_is_told_by_the_rule_that_it_breaks(pattern, said):
    (message,) = messages({"InternalPackages": [pattern]})
    assert message.startswith(f'InternalPackages: {said}, got "{pattern[:90]}')


@pytest.mark.parametrize("statement", [{}, {"Statement": []}, {"Statement": ""}], ids=json.dumps)
def test_a_policy_without_a_statement_is_told_so(statement):
    policy = {"Version": "2012-10-17"} | statement
    assert messages({"RepositoryPolicyDocument": policy}) == [f"RepositoryPolicyDocument: {rule.NO_STATEMENT}"]


def test_the_function_says_the_same():
    sources = [
        ROOT / "src" / name for name in ("stack/package_pattern.rs", "properties/rules.rs", "properties/hints.rs")
    ]
    function = "\n".join(source.read_text(encoding="utf-8") for source in sources)
    function = re.sub(r"\\\n\s*", "", function)
    (beside,) = re.findall(r"const BESIDE: .* = \[([^]]+)\]", function)
    assert re.findall(r'"(\w+)"', beside) == rule.BESIDE
    for text in (
        rule.NO_STATEMENT,
        rule.FORM,
        "must not be the root /*, which holds every package",
        "must begin with a format: ",
        "names a format alone, and so holds its public packages too: name some, as in ",
        "holds nothing, for the service has the scopes of npm without their @",
    ):
        assert text in function


def test_what_is_wrong_is_reported_at_its_line(linted):
    assert linted["wrong.yaml"] == SAID.splitlines()


def test_what_is_wrong_in_json_is_reported_too(linted):
    found = [line.split(": ", 1) for line in linted["wrong.json"]]
    assert [said for _, said in found] == [line.split(": ", 1)[1] for line in SAID.splitlines()]
    places = ["Properties", "KmsKeyArn", "ExternalConection", "not a name", "Keep", "DomainOwner", "Access", "Reader"]
    lines = [linted["lines of wrong.json"][int(number) - 1] for number, _ in found]
    assert [place for line, place in zip(lines, places, strict=True) if place not in line] == []


def test_what_functions_give_is_left_alone(linted):
    assert linted["alone.yaml"] == []


def test_the_templates_of_the_examples_are_clean(linted):
    assert len(OURS) >= 2
    assert {path.name: linted[path.name] for path in OURS if linted[path.name]} == {}
