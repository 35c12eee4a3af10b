#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| codeartifact_stack::fuzzing::envelope(data));
