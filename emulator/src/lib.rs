//! A strict emulator of the AWS CodeArtifact wire protocol.
