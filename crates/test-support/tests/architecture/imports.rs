//! Reads `use` declarations.

/// One name that a `use` brings into a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Import {
    /// What it is called here; `*` for all names of a module.
    pub(crate) name: String,
    pub(crate) path: Vec<String>,
    /// Passes the name on, by `pub use` or `pub(crate) use`.
    pub(crate) public: bool,
}

/// The imports of one `use`, whose tokens stand between the keyword and the semicolon.
pub(crate) fn imports(tokens: &[&str], public: bool) -> Vec<Import> {
    let mut found = Vec::new();
    tree(tokens, &mut 0, Vec::new(), public, &mut found);
    found
}

fn tree(
    tokens: &[&str],
    i: &mut usize,
    mut path: Vec<String>,
    public: bool,
    found: &mut Vec<Import>,
) {
    while let Some(token) = tokens.get(*i).copied() {
        *i += 1;
        match token {
            "{" => {
                while tokens.get(*i).is_some_and(|token| *token != "}") {
                    if tokens[*i] == "," {
                        *i += 1;
                    } else {
                        tree(tokens, i, path.clone(), public, found);
                    }
                }
                *i += 1;
                return;
            }
            "*" => {
                found.push(Import { name: token.to_owned(), path, public });
                return;
            }
            // A path of another crate, in which nothing here is found.
            "::" => path.push(String::new()),
            name => {
                if name != "self" || path.is_empty() {
                    path.push(name.to_owned());
                }
                if tokens.get(*i) == Some(&"::") {
                    *i += 1;
                    continue;
                }
                let mut name = path.last().cloned().unwrap_or_default();
                if tokens.get(*i) == Some(&"as") {
                    name = tokens.get(*i + 1).copied().unwrap_or("_").to_owned();
                    *i += 2;
                }
                found.push(Import { name, path, public });
                return;
            }
        }
    }
}

pub(crate) fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}
