//! Rates: how many calls an account may make in a second.

use tokio::time::Instant;

/// A bucket that fills with a second's worth of calls every second and holds no more.
#[derive(Debug)]
pub(crate) struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    pub(crate) fn full(rate: u32, at: Instant) -> Self {
        Self {
            tokens: f64::from(rate),
            at,
        }
    }

    /// Takes a call out of the bucket, if one is left.
    pub(crate) fn take(&mut self, rate: u32, at: Instant) -> bool {
        let rate = f64::from(rate);
        let gained = at.saturating_duration_since(self.at).as_secs_f64() * rate;
        self.tokens = (self.tokens + gained).min(rate);
        self.at = at;
        let left = self.tokens >= 1.0;
        if left {
            self.tokens -= 1.0;
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::Bucket;

    #[test]
    fn a_second_s_worth_passes_at_once_and_again_after_a_second() {
        let start = Instant::now();
        let mut bucket = Bucket::full(3, start);
        let passed = |bucket: &mut Bucket, at| (0..10).filter(|_| bucket.take(3, at)).count();
        assert_eq!(passed(&mut bucket, start), 3);
        assert_eq!(passed(&mut bucket, start + Duration::from_secs(1)), 3);
        assert_eq!(passed(&mut bucket, start + Duration::from_secs(9)), 3);
    }
}
