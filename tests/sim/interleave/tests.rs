//! What is tried when.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::pairs;
use super::scenario::Scenario;
use super::survey::{HEAD, Survey, Way, survey};

/// A row of the table to be.
struct Task {
    name: String,
    scenarios: Vec<Scenario>,
    way: Way,
}

fn from_environment(name: &str, otherwise: usize) -> usize {
    let text = std::env::var(name).ok();
    text.map_or(otherwise, |text| text.parse().expect("a number"))
}

/// Surveys on as many threads as there are cores; a row is printed as soon as it is there.
fn surveys(tasks: &[Task]) -> Vec<Survey> {
    // What panics is told by the survey.
    std::panic::set_hook(Box::new(|_| {}));
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

fn tell(surveys: Vec<Survey>) {
    let violations = surveys.into_iter().flat_map(|survey| survey.violations);
    let each: usize = from_environment("SHOWN", 40);
    for violation in violations.take(each) {
        println!("\n{}", violation.shortened());
    }
}

#[test]
#[ignore = "takes minutes: make interleave"]
fn every_order() {
    let most = from_environment("ORDERS", 20_000);
    let way = Way::Every { most, preemptions: 3 };
    let only = std::env::var("ONLY").unwrap_or_default();
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
        way: Way::Random(most / 2),
    });
    let tasks = pairs.chain(deaths).chain(triples);
    let tasks: Vec<Task> = tasks.filter(|task| task.name.contains(&only)).collect();
    tell(surveys(&tasks));
}

/// The reduction leaves out no end: what random orders come to, the exploration has come to as well.
#[test]
fn no_random_order_comes_to_an_end_that_the_exploration_missed() {
    let way = Way::Every {
        most: 2_000,
        preemptions: 3,
    };
    for scenario in pairs::pairs().into_iter().filter(|it| pairs::SHORT.contains(&it.name.as_str())) {
        let scenarios = [scenario];
        let explored = survey("", &scenarios, way);
        let random = survey("", &scenarios, Way::Random(explored.orders * 4));
        let missed: Vec<&String> = random.ends.difference(&explored.ends).collect();
        assert!(missed.is_empty(), "{}: {missed:#?}", scenarios[0].name);
    }
}
