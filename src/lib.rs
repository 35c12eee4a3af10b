//! The CloudFormation custom resource `Custom::CodeArtifactStack`.
