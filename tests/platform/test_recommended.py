"""The parameters that SECURITY.md recommends for a shared domain: they deploy, and they limit."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FUNCTION = "codeartifact-stack"


def recommended() -> dict[str, str]:
    page = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    block = page.split("\n### Recommended for a shared domain\n")[1].split("```")[1]
    return {name: value.strip("'") for name, value in re.findall(r"^ +(\w+)=(\S+)", block, re.MULTILINE)}


def test_they_deploy_and_limit(terminal):
    cloud, functions = terminal.client("cloudformation"), terminal.client("lambda")
    token = terminal.outputs(FUNCTION)["ServiceToken"]
    (stack,) = cloud.describe_stacks(StackName=FUNCTION)["Stacks"]
    parameters = {given["ParameterKey"]: given["ParameterValue"] for given in stack["Parameters"]} | recommended()
    cloud.update_stack(
        StackName=FUNCTION,
        TemplateBody=cloud.get_template(StackName=FUNCTION, TemplateStage="Original")["TemplateBody"],
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    assert terminal.end_of(FUNCTION) == "UPDATE_COMPLETE"

    event = json.loads((ROOT / "events/direct-plan.json").read_text(encoding="utf-8"))
    event["ResourceProperties"] |= {"RepositoryName": "elsewhere", "ExternalConnection": "public:crates-io"}
    event["ResourceProperties"] |= {"BlockedPackages": ["/npm//react$"], "Tags": {}}
    answer = functions.invoke(FunctionName=token, Payload=json.dumps(event).encode())
    said = json.load(answer["Payload"])
    assert said["errorType"] == "InvalidProperties"
    for parameter in ("RepositoryNamePattern", "PlatformRepositories", "AllowedConnections", "RequiredTags"):
        assert parameter in said["errorMessage"]
