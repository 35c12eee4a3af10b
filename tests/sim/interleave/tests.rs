//! What is tried when.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::kept::{CLOSED, Kept, OPEN};
use super::pairs;
use super::scenario::{Scenario, Trouble};
use super::survey::{HEAD, Survey, Violation, Way, follow, survey};

/// So many preemptions where all orders are too many.
const PREEMPTIONS: usize = 3;

/// As many orders of each pair as `make test` has time for.
const FIRST: usize = 20;

/// The same of orders in trouble: each has more looks.
const FIRST_IN_TROUBLE: usize = 3;

/// A row of the table to be.
struct Task {
    name: String,
    scenarios: Vec<Scenario>,
    way: Way,
}

impl Task {
    /// What dies at each of many points has the orders of one pair in all.
    fn share_orders(&mut self) {
        if let Way::Every { most, .. } = &mut self.way {
            *most = most.div_ceil(self.scenarios.len());
        }
    }
}

fn from_environment(name: &str, otherwise: usize) -> usize {
    let text = std::env::var(name).ok();
    text.map_or(otherwise, |text| text.parse().expect("a number"))
}

fn tasks(most: usize, random: usize) -> Vec<Task> {
    let way = Way::Every {
        most,
        preemptions: PREEMPTIONS,
    };
    let pairs = pairs::pairs().into_iter().map(|scenario| Task {
        name: scenario.name.clone(),
        scenarios: vec![scenario],
        way,
    });
    let deaths = pairs::deaths().into_iter().map(|(name, scenarios)| Task {
        name: format!("{name} killed at every call, beside a Create"),
        scenarios,
        way,
    });
    let triples = pairs::triples().into_iter().map(|scenario| Task {
        name: scenario.name.clone(),
        scenarios: vec![scenario],
        way: Way::Random(random),
    });
    pairs.chain(deaths).chain(triples).collect()
}

/// The pairs by random orders, while the service shows late what happens and denies something.
fn troubled(count: usize) -> Vec<Task> {
    let pairs = pairs::pairs().into_iter().enumerate().map(|(nth, scenario)| Task {
        name: format!("{}, late and denied", scenario.name),
        scenarios: vec![scenario],
        way: Way::Troubled {
            count,
            from: nth * count,
        },
    });
    pairs.collect()
}

/// Surveys on as many threads as there are cores; a row is printed as soon as it is there.
fn surveys(tasks: &[Task]) -> Vec<Survey> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
            let survey = survey(&task.name, &task.scenarios, task.way);
            println!("{survey}");
            done.lock().unwrap().push(survey);
        }
    };
    println!("{HEAD}");
    std::thread::scope(|scope| {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..cores {
            scope.spawn(work);
        }
    });
    done.into_inner().unwrap()
}

impl Kept {
    fn scenario(&self) -> Scenario {
        let all = pairs::pairs().into_iter().chain(pairs::followed());
        let mut named = all.filter(|it| it.name == self.scenario);
        named
            .next()
            .unwrap_or_else(|| panic!("there is no scenario '{}'", self.scenario))
    }

    fn is_shown_by(&self, violation: &Violation) -> bool {
        let is_its = violation.scenario.name == self.scenario && violation.scenario.trouble.late >= self.late;
        is_its && violation.wrong.iter().any(|line| line.contains(self.shows))
    }

    /// What is wrong at the end, if anything is.
    fn wrong(&self) -> Vec<String> {
        let schedule: Vec<String> = self.schedule.iter().map(|line| (*line).to_owned()).collect();
        let late = Trouble {
            late: self.late,
            denied: None,
        };
        follow(&self.scenario().in_trouble(late), &schedule).wrong
    }
}

/// Fails for every violation that is not one of those known to be open.
fn hold(surveys: Vec<Survey>) {
    let violations = surveys.into_iter().flat_map(|survey| survey.violations);
    let (known, unknown): (Vec<Violation>, Vec<Violation>) =
        violations.partition(|violation| OPEN.iter().any(|kept| kept.is_shown_by(violation)));
    if std::env::var_os("SHOW_KNOWN").is_some() {
        for violation in known {
            println!("\nknown: {}", violation.shortened());
        }
    }
    let more = unknown.len().saturating_sub(5);
    let shown = unknown.into_iter().take(5).map(|it| it.shortened().to_string());
    let shown: Vec<String> = shown.collect();
    assert!(shown.is_empty(), "and {more} more than these:\n{}", shown.join("\n\n"));
}

#[test]
#[ignore = "takes minutes: make interleave"]
fn every_order_of_every_pair_is_explained() {
    let only = std::env::var("ONLY").unwrap_or_default();
    let most = from_environment("ORDERS", 2_000);
    let mut tasks = tasks(most, most);
    for task in &mut tasks {
        task.share_orders();
    }
    tasks.extend(troubled(most / 10));
    tasks.retain(|task| task.name.contains(&only));
    hold(surveys(&tasks));
}

#[test]
fn the_first_orders_of_every_pair_are_explained() {
    let mut tasks = tasks(FIRST, FIRST);
    for task in &mut tasks {
        // Of what dies at many points, a few.
        let nth = task.scenarios.len().div_ceil(4);
        let few = std::mem::take(&mut task.scenarios).into_iter().step_by(nth);
        task.scenarios = few.collect();
    }
    hold(surveys(&tasks));
}

#[test]
fn random_orders_of_every_pair_are_explained_where_reads_lag_and_something_is_denied() {
    hold(surveys(&troubled(from_environment("TROUBLED", FIRST_IN_TROUBLE))));
}

#[test]
fn each_race_that_is_open_today_is_still_open() {
    let mended: Vec<&str> = OPEN
        .iter()
        .filter(|kept| !kept.wrong().iter().any(|line| line.contains(kept.shows)))
        .map(|kept| kept.what)
        .collect();
    assert!(mended.is_empty(), "mended, it seems:\n{}", mended.join("\n"));
}

#[test]
fn each_race_that_was_mended_stays_so() {
    for kept in CLOSED {
        let wrong = kept.wrong();
        assert!(wrong.is_empty(), "{}: {wrong:#?}", kept.what);
    }
}

/// The reduction leaves out no order that matters: whatever random orders come to, the exploration tried one of its like.
#[test]
fn no_random_order_is_unlike_all_that_were_explored() {
    let way = Way::Every {
        most: 2_000,
        preemptions: PREEMPTIONS,
    };
    for scenario in pairs::pairs()
        .into_iter()
        .filter(|it| pairs::SHORT.contains(&it.name.as_str()))
    {
        let scenarios = [scenario];
        let explored = survey("", &scenarios, way);
        let random = survey("", &scenarios, Way::Random(from_environment("ORDERS", 60)));
        let missed = random.classes.difference(&explored.classes).count();
        assert!(missed == 0, "{}: {missed} missed", scenarios[0].name);
        assert!(
            random.ends.is_subset(&explored.ends),
            "{}: an end was missed",
            scenarios[0].name
        );
    }
}
