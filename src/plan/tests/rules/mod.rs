//! The rules of order and ownership, a table for each thing: every test is named after the rule that it holds.

mod actions;
mod checks;
mod domain;
mod domain_policy;
mod groups;
mod history;
mod order;
mod ownership;
mod possession;
mod primary;
mod proxies;
mod repository_policy;
mod scope;
mod tags;
mod tokens;
