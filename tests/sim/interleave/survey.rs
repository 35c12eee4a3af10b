//! The orders of scenarios, and what they show: a row of the table that `make interleave` prints.

use std::collections::BTreeSet;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::execution::Guide;
use super::explore::{Explorer, Limits};
use super::judge::{Judged, Verdict};
use super::random::Lottery;
use super::scenario::{Beginning, Scenario, Trouble};
use super::schedule::{Follower, Recorded, shortened};

/// How orders are chosen.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    /// All that matter, so many at most; where those are not enough, all with so many preemptions.
    Every { most: usize, preemptions: usize },
    /// So many by random priorities.
    Random(usize),
    /// The same, while the service shows late what happens, and mostly denies something: `from` says what first.
    Troubled { count: usize, from: usize },
}

/// What the orders of some scenarios show.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    pub(crate) name: String,
    /// Orders that came to an end; beside them, those that were given up as others' equals.
    pub(crate) orders: usize,
    executions: usize,
    how: String,
    gave_up: usize,
    pub(crate) ends: BTreeSet<String>,
    /// The orders that differ in a way that matters.
    pub(crate) classes: BTreeSet<u64>,
    pub(crate) violations: Vec<Violation>,
    took: Duration,
}

/// An order whose end nothing explains.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    pub(crate) scenario: Scenario,
    pub(crate) wrong: Vec<String>,
    pub(crate) schedule: Vec<String>,
}

impl fmt::Display for Survey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "| {} | {} | {} | {} | {} | {} | {:.1} s |",
            self.name,
            self.orders,
            self.how,
            self.ends.len(),
            self.gave_up,
            self.violations.len(),
            self.took.as_secs_f64(),
        )
    }
}

/// What each column says.
pub(crate) const HEAD: &str =
    "| events | orders | explored | ends | gave up | violations | time |\n| --- | --- | --- | --- | --- | --- | --- |";

/// Runs a scenario once; a panic is a verdict too.
fn run(scenario: &Scenario, from: &Beginning, guide: &mut impl Guide, judged: &mut Judged) -> Option<Verdict> {
    catch_unwind(AssertUnwindSafe(|| scenario.run(from, guide, judged))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let wrong = vec![format!("panicked: {}", text.unwrap_or_default())];
        Some(Verdict {
            end: wrong[0].clone(),
            wrong,
            gave_up: false,
        })
    })
}

/// Follows a schedule.
pub(crate) fn follow(scenario: &Scenario, schedule: &[String]) -> Verdict {
    let mut follower = Follower::new(schedule, scenario.names());
    run(scenario, &scenario.begin(), &mut follower, &mut Judged::new()).expect("a schedule is followed to the end")
}

/// The orders of scenarios that make up one row.
pub(crate) fn survey(name: &str, scenarios: &[Scenario], way: Way) -> Survey {
    let begun = Instant::now();
    let mut survey = Survey {
        name: name.to_owned(),
        ..Survey::default()
    };
    let mut hows = BTreeSet::new();
    for scenario in scenarios {
        hows.insert(match way {
            Way::Every { most, preemptions } => survey.every(scenario, most, preemptions),
            Way::Random(count) => survey.random(scenario, count, |_| Trouble::default()),
            Way::Troubled { count, from } => survey.random(scenario, count, |nth| Trouble::of(from + nth)),
        });
    }
    survey.how = hows.into_iter().collect::<Vec<_>>().join(", ");
    survey.took = begun.elapsed();
    survey
}

impl Survey {
    fn every(&mut self, scenario: &Scenario, most: usize, preemptions: usize) -> String {
        if self.explore(scenario, None, most) {
            return "all".to_owned();
        }
        if self.explore(scenario, Some(preemptions), most) {
            return format!("all with {preemptions} preemptions, and the first {most}");
        }
        format!("the first {most}, and as many with {preemptions} preemptions")
    }

    fn explore(&mut self, scenario: &Scenario, preemptions: Option<usize>, most: usize) -> bool {
        let mut explorer = Explorer::new(Limits {
            preemptions,
            executions: most,
        });
        let (from, mut judged) = (scenario.begin(), Judged::new());
        while explorer.begin() {
            let mut recorded = Recorded::new(explorer, scenario.names());
            let verdict = run(scenario, &from, &mut recorded, &mut judged);
            self.add(scenario, verdict, &recorded);
            explorer = recorded.guide;
        }
        explorer.is_complete()
    }

    fn random(&mut self, scenario: &Scenario, count: usize, trouble: impl Fn(usize) -> Trouble) -> String {
        let (from, mut judged) = (scenario.begin(), Judged::new());
        for seed in 0..count {
            let scenario = scenario.in_trouble(trouble(seed));
            let mut recorded = Recorded::new(Lottery::new(seed as u64, 120, 3), scenario.names());
            let verdict = run(&scenario, &from, &mut recorded, &mut judged);
            assert!(verdict.is_some(), "nobody can go on: {}", scenario.name);
            self.add(&scenario, verdict, &recorded);
        }
        format!("{count} by random priorities")
    }

    fn add<G: Guide>(&mut self, scenario: &Scenario, verdict: Option<Verdict>, recorded: &Recorded<G>) {
        self.executions += 1;
        let Some(verdict) = verdict else {
            return;
        };
        self.orders += 1;
        self.classes.insert(recorded.class());
        self.gave_up += usize::from(verdict.gave_up);
        let is_new = self.ends.insert(verdict.end);
        if is_new && !verdict.wrong.is_empty() {
            self.violations.push(Violation {
                scenario: scenario.clone(),
                wrong: verdict.wrong,
                schedule: recorded.schedule(),
            });
        }
    }
}

/// What is wrong, and which things differ in what: all but the answers, which say in other words what was done when.
fn what_differs(wrong: &[String]) -> impl Iterator<Item = &String> {
    let is_told = |(at, line): &(usize, &String)| *at == 0 || line.starts_with('/');
    wrong.iter().enumerate().filter(is_told).map(|(_, line)| line)
}

impl Violation {
    /// The same with the shortest schedule found that shows it.
    pub(crate) fn shortened(self) -> Self {
        let shows =
            |schedule: &[String]| what_differs(&follow(&self.scenario, schedule).wrong).eq(what_differs(&self.wrong));
        if !shows(&self.schedule) {
            let note = "(its schedule, followed, shows something else)".to_owned();
            let wrong = self.wrong.into_iter().chain([note]).collect();
            return Self { wrong, ..self };
        }
        let schedule = shortened(self.schedule.clone(), shows);
        Self { schedule, ..self }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "{}, {:?}:\n  {}",
            self.scenario.name,
            self.scenario.trouble,
            self.wrong.join("\n  ").replace('\n', "\n  ")
        )?;
        write!(formatter, "  {:#?}", self.schedule)
    }
}
