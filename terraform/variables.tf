variable "service_token" {
  description = "ARN of the function: the output service_token of the module in function/, or the export of its stack."
  type        = string
}

variable "stack_name" {
  description = "Name of the CloudFormation stack; by default the repository's, with codeartifact- before it."
  type        = string
  default     = null
}

variable "domain_name" {
  description = "The domain (DomainName). Another one is a replacement."
  type        = string
}

variable "kms_key_arn" {
  description = "ARN of the key that the domain is encrypted with (KmsKeyArn)."
  type        = string
  default     = null
}

variable "repository_name" {
  description = "The repository that builds log in to (RepositoryName). Another one is a replacement."
  type        = string
}

variable "repository_description" {
  description = "What the repository is for (RepositoryDescription)."
  type        = string
  default     = null
}

variable "external_connection" {
  description = "A public registry, such as public:npmjs (ExternalConnection). Its proxy is called NAME-upstream."
  type        = string
  default     = null
}

variable "upstreams" {
  description = "Repositories of the domain, in order of priority (Upstreams). The proxy comes after them."
  type        = list(string)
  default     = null
}

variable "domain_policy_document" {
  description = "The domain's policy, as JSON (DomainPolicyDocument)."
  type        = string
  default     = null
}

variable "repository_policy_document" {
  description = "The repository's policy, as JSON (RepositoryPolicyDocument)."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of the repositories, of the domain if this stack creates it, and of the stack (Tags)."
  type        = map(string)
  default     = {}
}

variable "properties" {
  description = "Other properties of Custom::CodeArtifactStack, by name, such as { InternalPackages = [\"/npm/payments/*\"] }."
  type        = any
  default     = {}
}
