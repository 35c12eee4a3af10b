//! When something was created, as the service says it.

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

/// A point in time of the service's clock, in whole milliseconds: as finely as the service tells it, and as it is read
/// back from a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(DateTime);

impl From<DateTime> for Moment {
    fn from(time: DateTime) -> Self {
        Self(time.to_millis().map_or(time, DateTime::from_millis))
    }
}

impl Moment {
    /// Whether it was less than this ago; or will be in less than this, where one clock is before the other.
    pub(crate) fn is_within(self, last: Duration, now: SystemTime) -> bool {
        let Ok(then) = SystemTime::try_from(self.0) else {
            return false;
        };
        let between = now.duration_since(then).unwrap_or_else(|ahead| ahead.duration());
        between < last
    }

    /// Reads what its `Display` wrote.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        DateTime::from_str(text, Format::DateTime).ok().map(Self::from)
    }
}

/// RFC 3339.
impl fmt::Display for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let text = self.0.fmt(Format::DateTime).unwrap_or_default();
        formatter.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_within_a_time_is_so_on_a_clock_that_is_a_little_behind_too() {
        let moment = Moment::from(DateTime::from_secs(1_795_659_536));
        let then = SystemTime::try_from(moment.0).expect("a time");
        let (last, day) = (Duration::from_secs(10), Duration::from_hours(24));
        for now in [then, then + Duration::from_secs(9), then - Duration::from_secs(9)] {
            assert!(moment.is_within(last, now), "{now:?}");
        }
        for now in [then + last, then - last, then + day, then - day] {
            assert!(!moment.is_within(last, now), "{now:?}");
        }
    }

    #[test]
    fn a_moment_read_back_is_the_same() {
        let moment = Moment::from(DateTime::from_secs_f64(1_795_659_536.123));
        assert_eq!(Moment::parse(&moment.to_string()), Some(moment));
    }
}
