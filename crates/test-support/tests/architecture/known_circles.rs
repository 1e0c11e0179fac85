//! Circles that stand and are to go. The list only ever gets shorter.

use crate::circles::Circle;

/// A package, and all files of it that one or more circles join, sorted.
pub(crate) type Known = (&'static str, &'static [&'static str]);

pub(crate) const KNOWN: &[Known] = &[];

/// How the circles of packages differ from a list: messages for those that are not on it, and
/// entries that no circle is left of.
pub(crate) fn compare(found: &[(&str, Circle<'_>)], known: &[Known]) -> (Vec<String>, Vec<Known>) {
    let is = |(package, circle): &(&str, Circle<'_>), (name, files): &Known| {
        package == name && circle.files == *files
    };
    let new = found.iter().filter(|circle| !known.iter().any(|known| is(circle, known)));
    let gone = known.iter().filter(|known| !found.iter().any(|circle| is(circle, known)));
    let message = |(package, circle): &(&str, Circle<'_>)| format!("{package}: {circle}");
    (new.map(message).collect(), gone.copied().collect())
}
