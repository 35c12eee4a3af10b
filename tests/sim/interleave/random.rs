//! Orders by random priorities: probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi, Nagarakatte,
//! ASPLOS 2010). The event of the highest priority goes on; at a few random steps the one that is at it falls behind
//! all others. The clock takes part as one of them.

use std::collections::BTreeMap;

use super::execution::{Choice, Guide, Moment, Outcome};

#[derive(Debug)]
pub(crate) struct Lottery {
    chance: fastrand::Rng,
    /// The higher goes first.
    priorities: BTreeMap<Option<usize>, i64>,
    /// The steps at which whoever is at it falls behind.
    falls: Vec<usize>,
    lowest: i64,
    at: usize,
}

impl Lottery {
    /// `steps` is about how many an execution has, `falls` how often an event falls behind.
    pub(crate) fn new(seed: u64, steps: usize, falls: usize) -> Self {
        let mut chance = fastrand::Rng::with_seed(seed);
        Self {
            falls: (0..falls).map(|_| chance.usize(0..steps)).collect(),
            chance,
            priorities: BTreeMap::new(),
            lowest: 0,
            at: 0,
        }
    }
}

fn whose(choice: Choice) -> Option<usize> {
    match choice {
        Choice::Call(id) => Some(id.actor),
        Choice::Time => None,
    }
}

impl Guide for Lottery {
    fn choose(&mut self, moment: &Moment) -> Option<Choice> {
        let choices = moment.choices();
        for choice in &choices {
            let chance = &mut self.chance;
            self.priorities
                .entry(whose(*choice))
                .or_insert_with(|| chance.i64(1..1_000_000));
        }
        let first = |priorities: &BTreeMap<Option<usize>, i64>| {
            choices
                .iter()
                .copied()
                .rev()
                .max_by_key(|choice| priorities[&whose(*choice)])
        };
        let at_it = whose(first(&self.priorities)?);
        if self.falls.contains(&self.at) {
            self.lowest -= 1;
            self.priorities.insert(at_it, self.lowest);
        }
        self.at += 1;
        first(&self.priorities)
    }

    fn came_of(&mut self, _: Choice, _: Outcome) {}
}
