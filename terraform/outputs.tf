output "domain_name" {
  description = "The domain's name."
  value       = aws_cloudformation_stack.packages.outputs["DomainName"]
}

output "domain_arn" {
  description = "The domain's ARN."
  value       = aws_cloudformation_stack.packages.outputs["DomainArn"]
}

output "domain_owner" {
  description = "The account that the domain belongs to."
  value       = aws_cloudformation_stack.packages.outputs["DomainOwner"]
}

output "repository_name" {
  description = "The name of the repository that builds log in to."
  value       = aws_cloudformation_stack.packages.outputs["RepositoryName"]
}

output "repository_arn" {
  description = "The ARN of the repository that builds log in to."
  value       = aws_cloudformation_stack.packages.outputs["RepositoryArn"]
}

output "upstream_repository_name" {
  description = "The proxy's name, empty without an external connection; of several, comma-separated."
  value       = aws_cloudformation_stack.packages.outputs["UpstreamRepositoryName"]
}

output "outputs" {
  description = "All outputs of Custom::CodeArtifactStack, by name, endpoints among them."
  value       = aws_cloudformation_stack.packages.outputs
}
