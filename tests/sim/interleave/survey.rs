//! All orders of a scenario, and what they show.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use super::execution::Guide;
use super::explore::{Explorer, Limits};
use super::judge::Verdict;
use super::pairs;
use super::scenario::Scenario;
use super::schedule::{Follower, Recorded, shortened};

/// What the orders of one scenario show.
struct Survey {
    name: String,
    executions: usize,
    orders: usize,
    is_complete: bool,
    bound: Option<usize>,
    /// By what is wrong, a schedule that shows it.
    violations: BTreeMap<String, Vec<String>>,
    seconds: f64,
}

/// Runs a scenario; a panic is a verdict too.
fn run(scenario: &Scenario, guide: &mut impl Guide) -> Option<Verdict> {
    catch_unwind(AssertUnwindSafe(|| scenario.run(guide))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Some(vec![format!("panicked: {}", text.unwrap_or_default())])
    })
}

fn survey(scenario: &Scenario, limits: Limits) -> Survey {
    let begun = Instant::now();
    let mut explorer = Explorer::new(limits);
    let (mut orders, mut violations) = (0, BTreeMap::new());
    while explorer.begin() {
        let mut recorded = Recorded::new(explorer, scenario.names());
        let verdict = run(scenario, &mut recorded);
        if let Some(verdict) = verdict {
            orders += 1;
            if !verdict.is_empty() {
                violations.entry(verdict.join("\n")).or_insert_with(|| recorded.schedule());
            }
        }
        explorer = recorded.guide;
    }
    Survey {
        name: scenario.name.clone(),
        executions: explorer.executions,
        orders,
        is_complete: explorer.is_complete(),
        bound: limits.preemptions,
        violations,
        seconds: begun.elapsed().as_secs_f64(),
    }
}

/// The shortest schedule found that shows the same.
fn shortest(scenario: &Scenario, schedule: Vec<String>) -> Vec<String> {
    let shows = |schedule: &[String]| {
        let mut follower = Follower::new(schedule, scenario.names());
        run(scenario, &mut follower).is_some_and(|verdict| !verdict.is_empty())
    };
    if shows(&schedule) { shortened(schedule, shows) } else { schedule }
}

#[test]
fn look() {
    let most = std::env::var("ORDERS").ok().and_then(|text| text.parse().ok()).unwrap_or(300);
    let bound = std::env::var("BOUND").ok().and_then(|text| text.parse().ok());
    let only = std::env::var("ONLY").unwrap_or_default();
    std::panic::set_hook(Box::new(|_| {}));
    for scenario in pairs::pairs() {
        if !scenario.name.contains(&only) {
            continue;
        }
        let limits = Limits { preemptions: bound, executions: most };
        let it = survey(&scenario, limits);
        println!(
            "{:70} {:6} of {:6} {:9} {:?} {} violations {:.1}s {:.2} ms",
            it.name, it.orders, it.executions, if it.is_complete { "complete" } else { "cut" }, it.bound,
            it.violations.len(), it.seconds, it.seconds * 1000.0 / it.executions as f64
        );
        let mut shown = 0;
        for (what, schedule) in &it.violations {
            if shown < 3 {
                println!("  {}", what.replace('\n', "\n  "));
                println!("    {:?}", schedule);
                println!("    short {:?}", shortest(&scenario, schedule.clone()));
            }
            shown += 1;
        }
    }
}
