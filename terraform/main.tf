# A stack for each repository: CloudFormation sends the function Create, Update and Delete, waits for the answer, and rolls back.
# A direct invocation would leave that to a provider that knows neither the old properties nor the id to delete.

locals {
  stated = {
    DomainName               = var.domain_name
    KmsKeyArn                = var.kms_key_arn
    RepositoryName           = var.repository_name
    RepositoryDescription    = var.repository_description
    ExternalConnection       = var.external_connection
    Upstreams                = var.upstreams
    DomainPolicyDocument     = var.domain_policy_document
    RepositoryPolicyDocument = var.repository_policy_document
    Tags                     = var.tags
  }

  outputs = [
    "DomainName", "DomainArn", "DomainOwner", "DomainEncryptionKey", "DomainS3BucketArn",
    "RepositoryName", "RepositoryArn", "UpstreamRepositoryName", "InternalPackageGroups",
    "NpmEndpoint", "PypiEndpoint", "MavenEndpoint", "NugetEndpoint", "GenericEndpoint", "RubyEndpoint", "SwiftEndpoint",
    "CargoEndpoint",
  ]
}

resource "aws_cloudformation_stack" "packages" {
  name = coalesce(var.stack_name, "codeartifact-${replace(var.repository_name, "/[^A-Za-z0-9-]/", "-")}")
  tags = var.tags

  template_body = jsonencode({
    Resources = {
      Packages = {
        Type = "Custom::CodeArtifactStack"
        Properties = merge(
          { ServiceToken = var.service_token, ServiceTimeout = 330 },
          { for name, value in local.stated : name => value if value != null },
          var.properties,
        )
      }
    }
    Outputs = { for name in local.outputs : name => { Value = { "Fn::GetAtt" = ["Packages", name] } } }
  })
}
