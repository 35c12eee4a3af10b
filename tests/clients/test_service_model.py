"""Every operation's requests and answers, held to the service model that botocore ships."""

import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session

from .service_model import (
    OPERATIONS,
    SESSION,
    SHAPES,
    broken_values,
    error_problems,
    members,
    required,
    structure_problems,
)

OWNER, OTHER = "123456789012", "444455556666"
KEY = f"arn:aws:kms:us-east-1:{OWNER}:key/6a1b0c7e-0000-4000-8000-000000000001"
POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::111122223333:role/reader"},
                "Action": "codeartifact:ReadFromRepository",
                "Resource": "*",
            }
        ],
    }
)
DIGEST = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

# What moves package contents about is not emulated: the function never calls it.
NOT_EMULATED = {
    "CopyPackageVersions",
    "DeletePackageVersions",
    "GetPackageVersionAsset",
    "GetPackageVersionReadme",
    "ListPackageVersionAssets",
    "ListPackageVersionDependencies",
    "UpdatePackageVersionsStatus",
}
EMULATED = sorted(set(OPERATIONS) - NOT_EMULATED)

# Operations on the caller's own account: there is no owner to name.
FOR_ONESELF = {"CreateDomain", "ListDomains", "ListRepositories"}

# What the function and its users rest on; leaving one of these out would be noticed here by name.
PROMISED = {
    "CreateDomain",
    "DescribeDomain",
    "DeleteDomain",
    "ListDomains",
    "PutDomainPermissionsPolicy",
    "GetDomainPermissionsPolicy",
    "DeleteDomainPermissionsPolicy",
    "CreateRepository",
    "DescribeRepository",
    "UpdateRepository",
    "DeleteRepository",
    "ListRepositories",
    "ListRepositoriesInDomain",
    "AssociateExternalConnection",
    "DisassociateExternalConnection",
    "PutRepositoryPermissionsPolicy",
    "GetRepositoryPermissionsPolicy",
    "DeleteRepositoryPermissionsPolicy",
    "GetRepositoryEndpoint",
    "GetAuthorizationToken",
    "TagResource",
    "UntagResource",
    "ListTagsForResource",
    "ListPackages",
    "CreatePackageGroup",
    "UpdatePackageGroup",
    "DescribePackageGroup",
    "DeletePackageGroup",
    "UpdatePackageGroupOriginConfiguration",
}

# A package's own texts come out of its files, which the emulator does not read.
NOT_ANSWERED = {
    ("PackageVersionDescription", "summary"),
    ("PackageVersionDescription", "homePage"),
    ("PackageVersionDescription", "sourceCodeRepository"),
    ("PackageVersionDescription", "licenses"),
    ("LicenseInfo", "name"),
    ("LicenseInfo", "url"),
}


class Wire:
    """A client of the emulator that holds what goes over the wire to the model."""

    def __init__(self, emulator: Any, account: str = OWNER) -> None:
        self.emulator = emulator
        self.calls: list[tuple[str, dict]] = []
        self.seen: set[tuple[str, str]] = set()
        self.client = SESSION.create_client(
            "codeartifact",
            region_name="us-east-1",
            endpoint_url=emulator.url,
            aws_access_key_id=account,
            aws_secret_access_key="secret",
            config=Config(retries={"total_max_attempts": 1}),
        )
        self.names = {name: method for method, name in self.client.meta.method_to_api_mapping.items()}
        self.client.meta.events.register("before-parse.codeartifact.*", self._check_answer)

    def drive(self, operation: str, **parameters: Any) -> dict:
        """Call an operation and hold its request, as the emulator saw it, and its answer to the model."""
        answer = getattr(self.client, self.names[operation])(**parameters)
        self.calls.append((operation, parameters))
        self._check_request(operation, parameters)
        return answer

    def _check_request(self, operation: str, parameters: dict) -> None:
        entry = self.emulator.control("GET", "log")[-1]
        http = OPERATIONS[operation]["http"]
        assert entry["operation"] == operation
        assert (entry["method"], entry["path"]) == (http["method"], http["requestUri"])
        known = members(operation, "input")
        placed = {name: known[name].get("location", "body") for name in parameters}
        query = {known[name]["locationName"] for name, place in placed.items() if place == "querystring"}
        assert set(entry["request"]["query"]) == query
        payload = SHAPES[OPERATIONS[operation]["input"]["shape"]].get("payload")
        body = {name for name, place in placed.items() if place == "body" and name != payload}
        assert set(entry["request"]["body"] or {}) == body

    def _check_answer(self, operation_model: Any, response_dict: dict, **_: Any) -> None:
        operation, status = operation_model.name, response_dict["status_code"]
        headers = {name.lower(): value for name, value in response_dict["headers"].items()}
        body = json.loads(response_dict["body"])
        assert headers["content-type"] == "application/json"
        assert headers["x-amzn-requestid"]
        if status == 200:
            shape = OPERATIONS[operation]["output"]["shape"]
            found = list(structure_problems(shape, body, operation, self.seen))
        else:
            found = list(error_problems(operation, status, headers, body))
        assert not found, found

    def send(self, operation: str, query: dict, body: Any, headers: dict) -> Any:
        """Send a request as it is given, well formed or not, with a real signature."""
        http = OPERATIONS[operation]["http"]
        text = "&".join(f"{quote(name, safe='')}={quote(str(value), safe='')}" for name, value in query.items())
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        url = f"{self.emulator.url}{http['requestUri']}?{text}"
        request = AWSRequest(method=http["method"], url=url, data=data, headers=dict(headers))
        SigV4Auth(Credentials(OWNER, "secret"), "codeartifact", "us-east-1").add_auth(request)
        return URLLib3Session().send(request.prepare())


@pytest.fixture(scope="module")
def emulator(start_emulator: Callable) -> Any:
    """One emulator for all tests here, which verifies botocore's signatures."""
    return start_emulator("--secret", "secret")


@pytest.fixture
def wire(emulator: Any) -> Wire:
    """A checking client of the emptied emulator."""
    emulator.control("POST", "reset")
    return Wire(emulator)


def tell_the_story(wire: Wire) -> None:
    """Call every emulated operation, each of its members at least once."""
    domain = {"domain": "kloudvin-pkgs", "domainOwner": OWNER}
    tags = [{"key": "team", "value": "payments"}]
    wire.drive("CreateDomain", domain="kloudvin-pkgs", encryptionKey=KEY, tags=tags)
    wire.drive("CreateDomain", domain="other-domain")
    wire.drive("DescribeDomain", **domain)
    page = wire.drive("ListDomains", maxResults=1)
    wire.drive("ListDomains", maxResults=1, nextToken=page["nextToken"])
    tell_of_repositories(wire, domain, tags)
    tell_of_policies(wire, domain)
    tell_of_groups(wire, domain, tags)
    tell_of_packages(wire, domain)
    arn = f"arn:aws:codeartifact:us-east-1:{OWNER}:domain/kloudvin-pkgs"
    wire.drive("TagResource", resourceArn=arn, tags=tags)
    assert wire.drive("ListTagsForResource", resourceArn=arn)["tags"] == tags
    wire.drive("UntagResource", resourceArn=arn, tagKeys=["team"])
    for repository in ("team-npm", "team-npm-upstream"):
        wire.drive("DeleteRepository", **domain, repository=repository)
    wire.drive("DeleteDomain", **domain)


def tell_of_repositories(wire: Wire, domain: dict, tags: list) -> None:
    """Make a proxy with a connection and a repository behind it."""
    proxy = domain | {"repository": "team-npm-upstream"}
    wire.drive("CreateRepository", **proxy)
    connection = proxy | {"externalConnection": "public:npmjs"}
    wire.drive("AssociateExternalConnection", **connection)
    wire.drive("DisassociateExternalConnection", **connection)
    wire.drive("AssociateExternalConnection", **connection)
    primary = domain | {"repository": "team-npm"}
    upstreams = [{"repositoryName": "team-npm-upstream"}]
    wire.drive("CreateRepository", **primary, description="Payments", upstreams=upstreams, tags=tags)
    wire.drive("UpdateRepository", **primary, description="Payments, too", upstreams=upstreams)
    wire.drive("DescribeRepository", **proxy)
    listing = {"repositoryPrefix": "team", "maxResults": 1}
    page = wire.drive("ListRepositories", **listing)
    wire.drive("ListRepositories", **listing, nextToken=page["nextToken"])
    listing |= domain | {"administratorAccount": OWNER}
    page = wire.drive("ListRepositoriesInDomain", **listing)
    wire.drive("ListRepositoriesInDomain", **listing, nextToken=page["nextToken"])
    wire.drive("GetRepositoryEndpoint", **primary, format="npm", endpointType="dualstack")
    token = wire.drive("GetAuthorizationToken", **domain, durationSeconds=900)
    assert abs(token["expiration"].timestamp() - time.time() - 900) < 60


def tell_of_policies(wire: Wire, domain: dict) -> None:
    """Put, replace, read and delete both policies."""
    for kind, where in (("Domain", domain), ("Repository", domain | {"repository": "team-npm"})):
        stored = wire.drive(f"Put{kind}PermissionsPolicy", **where, policyDocument=POLICY)
        revision = stored["policy"]["revision"]
        wire.drive(f"Put{kind}PermissionsPolicy", **where, policyDocument=POLICY, policyRevision=revision)
        revision = wire.drive(f"Get{kind}PermissionsPolicy", **where)["policy"]["revision"]
        wire.drive(f"Delete{kind}PermissionsPolicy", **where, policyRevision=revision)


def tell_of_groups(wire: Wire, domain: dict, tags: list) -> None:
    """Guard internal names with a package group."""
    group = domain | {"packageGroup": "/npm/payments/*"}
    wire.drive("CreatePackageGroup", **group, contactInfo="us", description="internal", tags=tags)
    wire.drive("UpdatePackageGroup", **group, contactInfo="them", description="ours")
    allow = [{"repositoryName": name, "originRestrictionType": "PUBLISH"} for name in ("team-npm", "team-npm-upstream")]
    wire.drive(
        "UpdatePackageGroupOriginConfiguration",
        **group,
        restrictions={"PUBLISH": "ALLOW_SPECIFIC_REPOSITORIES", "EXTERNAL_UPSTREAM": "BLOCK"},
        addAllowedRepositories=allow,
    )
    allowed = group | {"originRestrictionType": "PUBLISH", "maxResults": 1}
    page = wire.drive("ListAllowedRepositoriesForGroup", **allowed)
    wire.drive("ListAllowedRepositoriesForGroup", **allowed, nextToken=page["nextToken"])
    wire.drive(
        "UpdatePackageGroupOriginConfiguration",
        **group,
        restrictions={"INTERNAL_UPSTREAM": "ALLOW"},
        addAllowedRepositories=allow[:1],
        removeAllowedRepositories=allow[1:],
    )
    wire.drive("DescribePackageGroup", **group)
    listing = domain | {"maxResults": 1, "prefix": "/"}
    page = wire.drive("ListPackageGroups", **listing)
    wire.drive("ListPackageGroups", **listing, nextToken=page["nextToken"])
    wire.drive("CreatePackageGroup", **domain, packageGroup="/pypi/*")
    children = domain | {"packageGroup": "/*", "maxResults": 1}
    page = wire.drive("ListSubPackageGroups", **children)
    wire.drive("ListSubPackageGroups", **children, nextToken=page["nextToken"])
    package = {"format": "npm", "namespace": "payments", "package": "ui"}
    assert wire.drive("GetAssociatedPackageGroup", **domain, **package)["associationType"] == "STRONG"
    wire.drive("DeletePackageGroup", **domain, packageGroup="/pypi/*")


def tell_of_packages(wire: Wire, domain: dict) -> None:
    """Publish one package, bring another one in, and look at both."""
    primary = domain | {"repository": "team-npm"}
    generic = primary | {"format": "generic", "namespace": "ours", "package": "tool"}
    asset = {"packageVersion": "1.0.0", "assetContent": b"abc", "assetName": "tool.tgz", "assetSHA256": DIGEST}
    wire.drive("PublishPackageVersion", **generic, **asset, unfinished=True)
    wire.drive("PublishPackageVersion", **generic, **asset | {"packageVersion": "2.0.0"})
    request = {"domain": "kloudvin-pkgs", "repository": "team-npm", "format": "npm", "namespace": "types"}
    for name in ("node", "react"):
        wire.emulator.control("POST", "ingest", request | {"package": name})
    listing = primary | {"format": "npm", "namespace": "ty", "maxResults": 1, "publish": "BLOCK", "upstream": "ALLOW"}
    page = wire.drive("ListPackages", **listing)
    wire.drive("ListPackages", **listing, nextToken=page["nextToken"], packagePrefix="re")
    node = primary | {"format": "npm", "namespace": "types", "package": "node"}
    wire.drive("DescribePackage", **node)
    wire.drive("DescribePackageVersion", **node, packageVersion="1.0.0")
    wire.drive("DescribePackageVersion", **generic, packageVersion="2.0.0")
    disposed = generic | {"versions": ["1.0.0", "9.0.0"], "expectedStatus": "Unfinished"}
    wire.drive("DisposePackageVersions", **disposed, versionRevisions={"9.0.0": "one"})
    wire.drive("PutPackageOriginConfiguration", **node, restrictions={"publish": "ALLOW", "upstream": "BLOCK"})
    versions = generic | {"sortBy": "PUBLISHED_TIME", "originType": "INTERNAL", "maxResults": 1}
    page = wire.drive("ListPackageVersions", **versions)
    wire.drive("ListPackageVersions", **versions, nextToken=page["nextToken"])
    wire.drive("ListPackageVersions", **versions, status="Disposed")
    group = domain | {"packageGroup": "/*", "maxResults": 1}
    page = wire.drive("ListAssociatedPackages", **group, preview=True)
    wire.drive("ListAssociatedPackages", **group, nextToken=page["nextToken"], preview=False)
    wire.drive("DeletePackageGroup", **domain, packageGroup="/npm/payments/*")
    wire.drive("DeletePackage", **node)


def output_members(shape: str, found: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return every member of every structure within a shape."""
    rules = SHAPES[shape]
    for name, member in rules.get("members", {}).items():
        if (shape, name) not in found:
            found.add((shape, name))
            output_members(member["shape"], found)
    for part in ("member", "key", "value"):
        if part in rules:
            output_members(rules[part]["shape"], found)
    return found


def test_every_operation_is_emulated_or_left_out_on_purpose(wire: Wire) -> None:
    assert set(EMULATED) >= PROMISED
    tell_the_story(wire)
    assert sorted({operation for operation, _ in wire.calls}) == EMULATED
    for operation in NOT_EMULATED:
        response = wire.send(operation, {}, {}, {})
        assert response.headers["x-amzn-errortype"] == "UnknownOperationException"


def test_every_member_of_every_request_is_taken_where_the_model_places_it(wire: Wire) -> None:
    tell_the_story(wire)
    given = {(operation, name) for operation, parameters in wire.calls for name in parameters}
    assert given == {(operation, name) for operation in EMULATED for name in members(operation, "input")}


def test_every_member_of_every_answer_is_there_and_no_other(wire: Wire) -> None:
    tell_the_story(wire)
    outputs: set[tuple[str, str]] = set()
    for operation in EMULATED:
        output_members(OPERATIONS[operation]["output"]["shape"], outputs)
    assert outputs - wire.seen == NOT_ANSWERED


@pytest.fixture(scope="module")
def fullest(emulator: Any) -> dict[str, dict]:
    """For each operation the sound request that has the most members."""
    emulator.control("POST", "reset")
    wire = Wire(emulator)
    tell_the_story(wire)
    found: dict[str, dict] = {}
    for operation, parameters in wire.calls:
        if len(parameters) > len(found.get(operation, {})):
            found[operation] = parameters
    return found


class Draft:
    """A request that is about to be spoilt in one place."""

    def __init__(self, operation: str, parameters: dict) -> None:
        self.operation = operation
        self.known = members(operation, "input")
        self.payload = SHAPES[OPERATIONS[operation]["input"]["shape"]].get("payload")
        # A token is held to be one of the service's own only after the model's rules.
        self.parameters = {name: value for name, value in parameters.items() if name != "nextToken"}

    def send(self, wire: Wire, **misplaced: dict) -> Any:
        """Send it with further query parameters or body members."""
        query: dict[str, Any] = {}
        headers: dict[str, str] = {}
        body: Any = {}
        for name, value in self.parameters.items():
            member = self.known[name]
            if member.get("location") == "querystring":
                query[member["locationName"]] = str(value).lower() if isinstance(value, bool) else value
            elif member.get("location") == "header":
                headers[member["locationName"]] = value
            elif name != self.payload:
                body[name] = value
        body |= misplaced.get("body", {})
        query |= misplaced.get("query", {})
        data = self.parameters.get(self.payload, b"") if self.payload else body
        return wire.send(self.operation, query, data, headers)


def assert_refused(response: Any, operation: str, what: str) -> None:
    """Hold an answer to a validation error of the model's form."""
    body = json.loads(response.content)
    headers = {name.lower(): value for name, value in response.headers.items()}
    assert headers.get("x-amzn-errortype") == "ValidationException", f"{operation}: {what} gave {body}"
    assert not list(error_problems(operation, response.status_code, headers, body))


@pytest.mark.parametrize("operation", EMULATED)
def test_the_sound_request_is_not_what_is_refused(wire: Wire, fullest: dict, operation: str) -> None:
    response = Draft(operation, fullest[operation]).send(wire)
    assert response.status_code in (200, 404), response.content


@pytest.mark.parametrize("operation", EMULATED)
def test_a_required_member_must_be_there(wire: Wire, fullest: dict, operation: str) -> None:
    for name in required(operation):
        draft = Draft(operation, fullest[operation])
        if name == draft.payload:
            continue  # An empty file is a file.
        del draft.parameters[name]
        assert_refused(draft.send(wire), operation, f"{name} missing")


@pytest.mark.parametrize("operation", EMULATED)
def test_every_member_is_held_to_its_rules(wire: Wire, fullest: dict, operation: str) -> None:
    for name, member in members(operation, "input").items():
        # A header can't carry the odd characters that spoil a hash; a wrong one is another test.
        if member.get("location") == "header" or SHAPES[member["shape"]]["type"] == "blob":
            continue
        for rule, value in broken_values(member["shape"]):
            draft = Draft(operation, fullest[operation])
            draft.parameters[name] = value
            assert_refused(draft.send(wire), operation, f"{name} against {rule}")


@pytest.mark.parametrize("operation", EMULATED)
def test_a_member_in_the_wrong_place_and_an_unknown_one_are_refused(wire: Wire, fullest: dict, operation: str) -> None:
    full = fullest[operation]
    assert_refused(Draft(operation, full).send(wire, query={"nobody-knows-this": "1"}), operation, "unknown parameter")
    if not Draft(operation, full).payload:
        assert_refused(Draft(operation, full).send(wire, body={"nobodyKnowsThis": 1}), operation, "unknown member")
    for name, member in members(operation, "input").items():
        draft = Draft(operation, full)
        value = draft.parameters.pop(name, None)
        if value is None or name == draft.payload:
            continue
        if member.get("location") == "querystring" and not draft.payload:
            assert_refused(draft.send(wire, body={name: value}), operation, f"{name} in the body")
        elif "location" not in member:
            assert_refused(draft.send(wire, query={name: "x"}), operation, f"{name} in the query")


def errors(operation: str) -> set[str]:
    """Return the names of the errors that the model gives an operation."""
    return {error["shape"] for error in OPERATIONS[operation]["errors"]}


def refusal(wire: Wire, operation: str, parameters: dict) -> str:
    """Call an operation that must be refused; the checking client holds the refusal to the model."""
    with pytest.raises(ClientError) as refused:
        getattr(wire.client, wire.names[operation])(**parameters)
    return refused.value.response["Error"]["Code"]


@pytest.mark.parametrize("operation", EMULATED)
def test_refusals_are_among_the_operation_s_own(wire: Wire, fullest: dict, operation: str) -> None:
    parameters = {name: value for name, value in fullest[operation].items() if name != "nextToken"}
    about_a_thing = "domain" in parameters or "resourceArn" in parameters
    if about_a_thing and "ResourceNotFoundException" in errors(operation) and operation != "CreateDomain":
        assert refusal(wire, operation, parameters) == "ResourceNotFoundException"
    for effect, kind in (
        ("throttle", "ThrottlingException"),
        ("internal", "InternalServerException"),
        ("access-denied", "AccessDeniedException"),
        ("quota", "ServiceQuotaExceededException"),
        ("conflict", "ConflictException"),
    ):
        if kind in errors(operation):
            wire.emulator.control("POST", "faults", {"operation": operation, "times": 1, "effect": effect})
            assert refusal(wire, operation, parameters) == kind


@pytest.mark.parametrize("operation", sorted(set(EMULATED) - FOR_ONESELF))
def test_another_account_is_refused_in_the_model_s_form(wire: Wire, fullest: dict, operation: str) -> None:
    wire.drive("CreateDomain", domain="kloudvin-pkgs")
    wire.drive("CreateRepository", domain="kloudvin-pkgs", repository="team-npm")
    parameters = {name: value for name, value in fullest[operation].items() if name != "nextToken"}
    other = Wire(wire.emulator, OTHER)
    assert refusal(other, operation, parameters) == "AccessDeniedException"
