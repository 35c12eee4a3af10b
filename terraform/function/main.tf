# The function of a release, by its own template: so the role is the one that was tested, and its limits are its parameters.

variable "folder" {
  description = "Where the files of a release are."
  type        = string
}

variable "architecture" {
  description = "arm64 or x86_64."
  type        = string
  default     = "arm64"
}

variable "bucket" {
  description = "A bucket of the same region, for the zip."
  type        = string
}

variable "stack_name" {
  description = "Name of the CloudFormation stack."
  type        = string
  default     = "codeartifact-stack"
}

variable "parameters" {
  description = "Parameters of the template, by name, such as { DomainNamePattern = \"kloudvin-*\" }."
  type        = map(string)
  default     = {}
}

locals {
  template = file("${var.folder}/template-${var.architecture}.yaml")
  zip      = one(regex("CodeUri: (\\S+)", local.template))
}

resource "aws_s3_object" "zip" {
  bucket      = var.bucket
  key         = "${filesha256("${var.folder}/${local.zip}")}.zip"
  source      = "${var.folder}/${local.zip}"
  source_hash = filesha256("${var.folder}/${local.zip}")
}

resource "aws_cloudformation_stack" "function" {
  name          = var.stack_name
  template_body = replace(local.template, "CodeUri: ${local.zip}", "CodeUri: s3://${var.bucket}/${aws_s3_object.zip.key}")
  capabilities  = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
  parameters    = var.parameters
}

output "service_token" {
  description = "What the module of a repository takes as service_token."
  value       = aws_cloudformation_stack.function.outputs["ServiceToken"]
}
