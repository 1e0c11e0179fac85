//! The modules of a crate: which file each stands in, what it defines and imports, and in which
//! file a path ends.
//!
//! It reads tokens, not Rust, so it does not see everything: methods that an `impl` block in
//! another file adds to a type, names in strings (`#[serde(with = "…")]`), and items that a macro
//! makes have no file here.

use std::collections::BTreeSet;

use crate::imports::{Import, imports, is_name};
use crate::scan::{tokens, without_comments_and_strings, without_tests};

/// All modules of one crate; the first is its root.
#[derive(Debug, Default)]
pub(crate) struct Modules<'a> {
    sources: &'a [(String, String)],
    pub(crate) all: Vec<Module<'a>>,
}

#[derive(Debug, Default)]
pub(crate) struct Module<'a> {
    pub(crate) file: &'a str,
    /// Where the files of its own modules lie.
    dir: String,
    parent: Option<usize>,
    children: Vec<(String, usize)>,
    defined: BTreeSet<String>,
    pub(crate) imports: Vec<Import>,
    /// The paths that its code names outside of imports.
    pub(crate) paths: BTreeSet<Vec<String>>,
}

/// What a path leads to. A module and a function may have the same name, so both can be there.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Found<'a> {
    module: Option<usize>,
    /// The file that defines the item.
    pub(crate) file: Option<&'a str>,
    /// The name is known here, and may be of another crate.
    known: bool,
}

impl<'a> Modules<'a> {
    /// The modules that are reached from the file `root`, without those of tests.
    pub(crate) fn of(root: &str, sources: &'a [(String, String)]) -> Self {
        let mut modules = Self { sources, ..Self::default() };
        let dir = root.rsplit_once('/').map_or("", |(dir, _)| dir);
        modules.read_file(root, dir.to_owned(), None);
        modules
    }

    fn read_file(&mut self, path: &str, dir: String, parent: Option<usize>) -> Option<usize> {
        let (file, text) = self.sources.iter().find(|(name, _)| name == path)?;
        let (code, _) = without_tests(&without_comments_and_strings(text));
        let module = self.all.len();
        self.all.push(Module { file, dir, parent, ..Module::default() });
        self.read(&tokens(&code), module);
        Some(module)
    }

    fn read(&mut self, tokens: &[&str], module: usize) {
        let at = |i: usize| tokens.get(i).copied().unwrap_or("");
        let (mut depth, mut i) = (0, 0);
        while i < tokens.len() {
            match at(i) {
                "{" => depth += 1,
                "}" => depth -= 1,
                "mod" if at(i + 2) == ";" => {
                    self.child_in_a_file(module, at(i + 1));
                    i += 2;
                }
                "mod" if at(i + 2) == "{" => {
                    let end = closing(tokens, i + 2);
                    self.child_inside(module, at(i + 1), &tokens[i + 3..end]);
                    i = end;
                }
                "use" if at(i + 1) != "<" => {
                    let len = tokens[i..].iter().position(|t| *t == ";");
                    let end = len.map_or(tokens.len(), |len| i + len);
                    let public = i > 0 && ["pub", ")"].contains(&at(i - 1));
                    let imports = imports(&tokens[i + 1..end], public);
                    self.all[module].imports.extend(imports);
                    i = end;
                }
                "macro_rules" => {
                    self.all[module].defined.insert(at(i + 2).to_owned());
                    i += 2;
                }
                "struct" | "enum" | "union" | "trait" | "type" | "fn" | "static" | "const"
                    if depth == 0 && is_name(at(i + 1)) =>
                {
                    i += usize::from(at(i + 1) == "mut");
                    self.all[module].defined.insert(at(i + 1).to_owned());
                }
                name if is_name(name) => {
                    let len = path_len(&tokens[i..]);
                    let range = i > 1 && at(i - 1) == "." && at(i - 2) == ".";
                    let goes_on = i > 0 && ["::", ".", "'"].contains(&at(i - 1)) && !range;
                    // A single small letter is a variable, unless it is called.
                    let item = len > 1
                        || name.starts_with(char::is_uppercase)
                        || ["(", "!"].contains(&at(i + 1));
                    if item && !goes_on {
                        let path = tokens[i..i + len].iter().step_by(2);
                        let path = path.map(|name| (*name).to_owned()).collect();
                        self.all[module].paths.insert(path);
                    }
                    i += len - 1;
                }
                _ => {}
            }
            i += 1;
        }
    }

    fn child_in_a_file(&mut self, module: usize, name: &str) {
        let dir = format!("{}/{name}", self.all[module].dir);
        for path in [format!("{dir}.rs"), format!("{dir}/mod.rs")] {
            if let Some(child) = self.read_file(&path, dir.clone(), Some(module)) {
                self.all[module].children.push((name.to_owned(), child));
            }
        }
    }

    fn child_inside(&mut self, module: usize, name: &str, tokens: &[&str]) {
        let (child, dir) = (self.all.len(), format!("{}/{name}", self.all[module].dir));
        let file = self.all[module].file;
        self.all.push(Module { file, dir, parent: Some(module), ..Module::default() });
        self.all[module].children.push((name.to_owned(), child));
        self.read(tokens, child);
    }

    /// Follows a path that stands in `module`.
    pub(crate) fn resolve(&self, module: usize, path: &[String]) -> Found<'a> {
        self.follow(module, path, &mut Vec::new())
    }

    fn follow(&self, module: usize, path: &[String], open: &mut Vec<(usize, String)>) -> Found<'a> {
        let mut here = Found { module: Some(module), ..Found::default() };
        for (i, name) in path.iter().enumerate() {
            let Some(at) = here.module else {
                // A variant, or a function of the type that was found.
                return here;
            };
            here = match name.as_str() {
                "crate" => Found { module: Some(0), ..Found::default() },
                "self" => here,
                "super" => Found { module: self.all[at].parent, ..Found::default() },
                name => self.named(at, name, open),
            };
            if i > 0 && !here.known && here.module.is_none() {
                // What a macro makes is found nowhere; it belongs to the module's file.
                return Found { file: Some(self.all[at].file), known: true, module: None };
            }
            if i + 1 < path.len() && here.module.is_some() {
                here.file = None;
            }
        }
        here
    }

    fn named(&self, module: usize, name: &str, open: &mut Vec<(usize, String)>) -> Found<'a> {
        let (of, key) = (&self.all[module], (module, name.to_owned()));
        let child = of.children.iter().find(|(child, _)| child == name).map(|(_, at)| *at);
        let file = of.defined.contains(name).then_some(of.file);
        let mut found = Found { module: child, file, known: false };
        if open.contains(&key) {
            found.known = found.file.is_some() || found.module.is_some();
            return found;
        }
        open.push(key);
        for import in of.imports.iter().filter(|import| import.name == name) {
            let there = self.follow(module, &import.path, open);
            found.file = found.file.or(there.file);
            found.module = found.module.or(there.module);
            found.known = true;
        }
        found.known |= found.file.is_some() || found.module.is_some();
        for glob in of.imports.iter().filter(|import| import.name == "*") {
            if found.known {
                break;
            }
            if let Some(there) = self.follow(module, &glob.path, open).module {
                found = self.named(there, name, open);
            }
        }
        open.pop();
        found
    }
}

/// How many tokens a path has.
fn path_len(tokens: &[&str]) -> usize {
    let step = |pair: &&[&str]| pair[0] == "::" && is_name(pair[1]);
    1 + 2 * tokens[1..].chunks_exact(2).take_while(step).count()
}

/// Where the bracket closes that opens at `open`.
fn closing(tokens: &[&str], open: usize) -> usize {
    let mut depth = 0;
    let end = tokens[open..].iter().position(|token| {
        depth += i32::from(*token == "{") - i32::from(*token == "}");
        depth == 0
    });
    end.map_or(tokens.len(), |len| open + len)
}
