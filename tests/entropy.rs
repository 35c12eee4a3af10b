//! What a first connection must not cost: aws-lc gathers no entropy from the processor's jitter, some 35 ms of a core.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the message")]

#[test]
fn the_random_numbers_are_not_seeded_from_the_processors_jitter() {
    // With its symbols, of the same lock file and .cargo/config.toml as the released one; tools/build.sh looks at that.
    let function = std::fs::read(env!("CARGO_BIN_EXE_codeartifact-stack")).unwrap();
    let function = String::from_utf8_lossy(&function);

    assert!(function.contains("_RAND_bytes"), "aws-lc's symbols are there");
    assert!(
        !function.contains("_jent_"),
        "AWS_LC_SYS_NO_JITTER_ENTROPY did not reach the build of aws-lc-sys"
    );
}
