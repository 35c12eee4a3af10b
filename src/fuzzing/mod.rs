//! What holds for any input: the bodies of the fuzz targets in `fuzz/`, and of the test that replays what they found.
//!
//! Each takes bytes and panics if a promise is broken. Compiled for fuzzing and for tests alone.

mod envelope;
mod oracle;
mod policies;
mod properties;

pub use envelope::envelope;
pub use policies::policies;
pub use properties::properties;

use crate::stack::AccountId;
use crate::stack::Place;

const REGION: &str = "eu-central-1";

fn place() -> Place {
    let account: AccountId = "123456789012".parse().expect("an account");
    Place::new(REGION.to_owned(), account)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Gives every input that the fuzzer kept to its target again.
    fn replay(name: &str, target: fn(&[u8])) {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
        let inputs: Vec<_> = fs::read_dir(&corpus)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert!(inputs.len() > 10, "{} is all but empty", corpus.display());
        for input in inputs {
            let bytes = fs::read(&input).unwrap();
            assert!(
                std::panic::catch_unwind(|| target(&bytes)).is_ok(),
                "{} breaks a promise",
                input.display()
            );
        }
    }

    #[test]
    fn every_kept_envelope_gets_an_answer_that_fits() {
        replay("envelope", envelope);
    }

    #[test]
    fn every_kept_set_of_properties_is_read_the_same_again_or_refused_in_few_words() {
        replay("properties", properties);
    }

    #[test]
    fn every_kept_pair_of_policies_is_compared_by_what_it_allows() {
        replay("policies", policies);
    }
}
