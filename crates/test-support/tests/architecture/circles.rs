//! Files of a crate that use each other in a circle.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use crate::modules::Modules;

/// For each file the files it uses, each with a name that it uses of it.
type Uses<'a> = BTreeMap<&'a str, BTreeMap<&'a str, String>>;

/// Files of which each uses each other one, directly or through others.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Circle<'a> {
    /// All of them, sorted.
    pub(crate) files: Vec<&'a str>,
    /// The shortest way round: a file, and the name it uses of the next; the last uses the first.
    pub(crate) shortest: Vec<(&'a str, String)>,
}

impl fmt::Display for Circle<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("files use each other in a circle: ")?;
        for (i, (file, name)) in self.shortest.iter().enumerate() {
            let (next, _) = &self.shortest[(i + 1) % self.shortest.len()];
            let start = if i == 0 { *file } else { ", which" };
            write!(f, "{start} uses {name} of {next}")?;
        }
        if self.files.len() > self.shortest.len() {
            write!(f, " (circles join all of {})", self.files.join(", "))?;
        }
        f.write_str(
            "\n    -> move what both need into a file of its own that uses neither; a type that \
             children use does not stand in their parent's file",
        )
    }
}

/// The circles among the sources of a package; none of them has a file of another.
pub(crate) fn circles(sources: &[(String, String)]) -> Vec<Circle<'_>> {
    let uses = uses(sources);
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        uses.keys().map(|file| (*file, reached(&uses, file))).collect();
    let both = |a: &str, b: &str| reached[a].contains(b) && reached[b].contains(a);
    let mut circles: Vec<Circle<'_>> = Vec::new();
    for file in uses.keys() {
        let files: Vec<&str> = uses.keys().copied().filter(|other| both(file, other)).collect();
        if files.len() > 1 && files[0] == *file {
            circles.push(Circle { shortest: shortest(&uses, &files), files });
        }
    }
    circles
}

fn uses(sources: &[(String, String)]) -> Uses<'_> {
    let mut uses = Uses::new();
    let is_root = |path: &str| match path.strip_prefix("src/") {
        Some("lib.rs" | "main.rs") => true,
        Some(path) => path.strip_prefix("bin/").is_some_and(|program| !program.contains('/')),
        None => false,
    };
    for (root, _) in sources.iter().filter(|(path, _)| is_root(path)) {
        let modules = Modules::of(root, sources);
        for (at, module) in modules.all.iter().enumerate() {
            let imported = module.imports.iter().filter(|import| !import.public);
            let paths = imported.map(|import| &import.path).chain(&module.paths);
            let of = uses.entry(module.file).or_default();
            for path in paths {
                let file = modules.resolve(at, path).file.filter(|file| *file != module.file);
                if let (Some(file), Some(name)) = (file, path.last()) {
                    of.entry(file).or_insert_with(|| name.clone());
                }
            }
        }
    }
    uses
}

/// What `from` uses, directly or through others.
fn reached<'a>(uses: &Uses<'a>, from: &'a str) -> BTreeSet<&'a str> {
    let (mut reached, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(file) = next.pop() {
        let of = uses.get(file).into_iter().flat_map(BTreeMap::keys);
        next.extend(of.copied().filter(|file| reached.insert(*file)));
    }
    reached
}

/// The shortest circle among files that are all joined by circles.
fn shortest<'a>(uses: &Uses<'a>, files: &[&'a str]) -> Vec<(&'a str, String)> {
    let round = |start: &'a str| {
        let (mut from, mut next): (BTreeMap<&str, &str>, _) =
            (BTreeMap::new(), VecDeque::from([start]));
        while let Some(file) = next.pop_front() {
            for used in uses[file].keys() {
                from.entry(*used).or_insert_with(|| {
                    next.push_back(*used);
                    file
                });
            }
        }
        let (mut way, mut file) = (Vec::new(), start);
        loop {
            let before = *from.get(file)?;
            way.insert(0, (before, uses[before][file].clone()));
            if before == start {
                return Some(way);
            }
            file = before;
        }
    };
    files.iter().filter_map(|file| round(file)).min_by_key(Vec::len).unwrap_or_default()
}
