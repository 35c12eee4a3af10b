"""What a competent author writes without this product: crhelper 2 and boto3, one call after another.

It makes the same things as the function does, with the same marks, in the order in which Terraform would, and deletes
only what carries its stack's id. Clients are made once. An Update reads everything and writes what differs. What it
leaves out makes it faster, not slower: no property is validated, no race is settled, no drift of links is repaired.
"""

import json

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from crhelper import CfnResource

# It would wait for its log to be delivered, two minutes at each Delete.
resource = CfnResource(log_level="ERROR", boto_level="CRITICAL", sleep_on_delete=0)
api = boto3.client("codeartifact", config=Config(retries={"mode": "standard", "max_attempts": 10}))

OWNER = "codeartifact-stack:stack-id"


class Stack:
    """The names in a request, and the calls that need them."""

    def __init__(self, event: dict):
        self.properties = event["ResourceProperties"]
        self.stack_id = event["StackId"]
        self.domain = {"domain": self.properties["DomainName"]}
        self.name = self.properties["RepositoryName"]
        self.proxy = f"{self.name}-upstream"
        self.connection = self.properties["ExternalConnection"]
        self.description = self.properties["RepositoryDescription"]
        _, _, _, region, account, _ = self.properties["KmsKeyArn"].split(":", 5)
        self._place = f"arn:aws:codeartifact:{region}:{account}"

    def tags(self) -> list[dict]:
        tags = self.properties["Tags"] | {OWNER: self.stack_id}
        return [{"key": key, "value": value} for key, value in tags.items()]

    def domain_arn(self) -> str:
        return f"{self._place}:domain/{self.domain['domain']}"

    def repository_arn(self, name: str) -> str:
        return f"{self._place}:repository/{self.domain['domain']}/{name}"

    def repository(self, name: str) -> dict:
        return self.domain | {"repository": name}

    def is_ours(self, arn: str) -> bool:
        tags = found(api.list_tags_for_resource, resourceArn=arn)
        return tags is not None and {"key": OWNER, "value": self.stack_id} in tags["tags"]


def found(call, **parameters) -> dict | None:
    try:
        return call(**parameters)
    except api.exceptions.ResourceNotFoundException:
        return None


def same(document: str, wanted: dict) -> bool:
    """The service answers a policy in other words: another order, lists of one, root ARNs for accounts."""

    def plain(value):
        if isinstance(value, dict):
            return sorted((key, plain(inner)) for key, inner in value.items())
        if isinstance(value, list):
            return plain(value[0]) if len(value) == 1 else sorted(str(plain(inner)) for inner in value)
        return f"arn:aws:iam::{value}:root" if value.isdigit() else value

    return plain(json.loads(document)) == plain(wanted)


@resource.create
def create(event, _context) -> str:
    stack = Stack(event)
    properties = stack.properties
    if not found(api.describe_domain, **stack.domain):
        api.create_domain(**stack.domain, encryptionKey=properties["KmsKeyArn"], tags=stack.tags())
    if "DomainPolicyDocument" in properties:
        document = json.dumps(properties["DomainPolicyDocument"])
        api.put_domain_permissions_policy(**stack.domain, policyDocument=document)
    api.create_repository(**stack.repository(stack.proxy), description=stack.connection, tags=stack.tags())
    api.associate_external_connection(**stack.repository(stack.proxy), externalConnection=stack.connection)
    primary = stack.repository(stack.name)
    upstreams = [{"repositoryName": stack.proxy}]
    api.create_repository(**primary, description=stack.description, upstreams=upstreams, tags=stack.tags())
    document = json.dumps(properties["RepositoryPolicyDocument"])
    api.put_repository_permissions_policy(**primary, policyDocument=document)
    resource.Data["NpmEndpoint"] = api.get_repository_endpoint(**primary, format="npm")["repositoryEndpoint"]
    return stack.repository_arn(stack.name)


@resource.update
def update(event, _context) -> str:
    stack = Stack(event)
    properties = stack.properties
    primary = stack.repository(stack.name)
    api.describe_domain(**stack.domain)
    api.list_tags_for_resource(resourceArn=stack.domain_arn())
    if "DomainPolicyDocument" in properties:
        policy = api.get_domain_permissions_policy(**stack.domain)["policy"]
        if not same(policy["document"], properties["DomainPolicyDocument"]):
            document = json.dumps(properties["DomainPolicyDocument"])
            api.put_domain_permissions_policy(**stack.domain, policyDocument=document)
    for name in (stack.proxy, stack.name):
        repository = api.describe_repository(**stack.repository(name))["repository"]
        wanted = stack.connection if name == stack.proxy else stack.description
        if repository["description"] != wanted:
            api.update_repository(**stack.repository(name), description=wanted)
        tags = api.list_tags_for_resource(resourceArn=repository["arn"])["tags"]
        missing = [tag for tag in stack.tags() if tag not in tags]
        if missing:
            api.tag_resource(resourceArn=repository["arn"], tags=missing)
    policy = api.get_repository_permissions_policy(**primary)["policy"]
    if not same(policy["document"], properties["RepositoryPolicyDocument"]):
        document = json.dumps(properties["RepositoryPolicyDocument"])
        api.put_repository_permissions_policy(**primary, policyDocument=document)
    resource.Data["NpmEndpoint"] = api.get_repository_endpoint(**primary, format="npm")["repositoryEndpoint"]
    return event["PhysicalResourceId"]


@resource.delete
def delete(event, _context) -> None:
    stack = Stack(event)
    for name in (stack.name, stack.proxy):
        if stack.is_ours(stack.repository_arn(name)):
            found(api.delete_repository, **stack.repository(name))
    if stack.is_ours(stack.domain_arn()):
        try:
            api.delete_domain(**stack.domain)
        except ClientError as error:
            # Other stacks are still in it.
            if error.response["Error"]["Code"] != "ConflictException":
                raise


def handler(event, context):
    return resource(event, context)
