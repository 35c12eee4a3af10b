"""A squad's packages, in a domain with a key of its own, with CDK in Python."""

from aws_cdk import App, CfnOutput, Stack, Tags
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from cdk_codeartifact_stack import CodeArtifactFunction, CodeArtifactStack, DeletionMode, ExternalConnection
from constructs import Construct


class RiskPackages(Stack):
    """The repository of the squad risk, and the role of the builds that publish to it."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id)
        builds = iam.Role(self, "Builds", assumed_by=iam.ServicePrincipal("codebuild.amazonaws.com"))
        packages = CodeArtifactStack(
            self,
            "Packages",
            # The function that SAM deployed: its stack exports the ServiceToken.
            handler=CodeArtifactFunction.from_export(self, "CodeArtifact", "codeartifact-stack"),
            domain_name="kloudvin-risk",
            encryption_key=kms.Key(self, "Key", enable_key_rotation=True),
            repository_name="team-risk",
            external_connections=[ExternalConnection.PYPI, ExternalConnection.NPMJS],
            internal_packages=["/pypi//risk~"],
            deletion_mode=DeletionMode.RETAIN_IF_NOT_EMPTY,
        )
        packages.add_blocked_packages("/npm//event-stream$")
        packages.grant_publish(builds)
        packages.grant_read(iam.AccountPrincipal("210987654321"))
        Tags.of(self).add("squad", "risk")
        CfnOutput(self, "PypiEndpoint", value=packages.pypi_endpoint)
        CfnOutput(self, "UpstreamRepositoryName", value=packages.upstream_repository_name)


app = App()
RiskPackages(app, "risk-packages")
app.synth()
