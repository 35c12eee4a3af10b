//! The name that was meant.

/// The nearest of the names, if one is near.
pub(super) fn did_you_mean(got: &str, names: &[&str]) -> String {
    // Similarity costs time by the product of the lengths: nobody mistypes a name into one this long.
    if got.len() > 64 {
        return String::new();
    }
    let got = got.to_lowercase();
    let likeness = |name: &&str| strsim::jaro_winkler(&name.to_lowercase(), &got);
    let nearest = names.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    nearest
        .filter(|name| likeness(name) > 0.8)
        .map_or(String::new(), |name| format!(", did you mean {name}?"))
}
