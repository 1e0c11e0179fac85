//! Reading Rust sources just well enough to know which names are used outside of comments,
//! strings and unit tests.

use std::collections::BTreeSet;

/// Replaces comments, strings and characters by blanks.
pub(crate) fn without_comments_and_strings(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\n');
    let past = |from: usize, end: &[char]| {
        let len = chars.get(from..).unwrap_or(&[]).windows(end.len()).position(|w| w == end);
        len.map_or(chars.len(), |len| from + len + end.len())
    };
    let (mut code, mut i) = (String::new(), 0);
    while i < chars.len() {
        let start = i;
        match (at(i), at(i + 1)) {
            ('/', '/') => i = past(i, &['\n']),
            ('/', '*') => {
                let mut depth = 0;
                loop {
                    match (at(i), at(i + 1)) {
                        ('/', '*') => (depth, i) = (depth + 1, i + 2),
                        ('*', '/') => (depth, i) = (depth - 1, i + 2),
                        _ => i += 1,
                    }
                    if depth == 0 || i >= chars.len() {
                        break;
                    }
                }
            }
            ('"', _) => {
                i += 1;
                while at(i) != '"' && i < chars.len() {
                    i += if chars[i] == '\\' { 2 } else { 1 };
                }
                i += 1;
            }
            ('r', '"' | '#') => {
                let hashes = chars[i + 1..].iter().take_while(|c| **c == '#').count();
                // Otherwise a raw identifier, or the end of another one before a macro's `#`.
                if at(i + 1 + hashes) == '"' {
                    let end = [&['"'], &*vec!['#'; hashes]].concat();
                    i = past(i + 2 + hashes, &end);
                }
            }
            ('\'', '\\') => i = past(i + 3, &['\'']),
            // A lifetime has no closing quote there.
            ('\'', _) if at(i + 2) == '\'' => i += 3,
            _ => {}
        }
        if i == start {
            code.push(chars[i]);
            i += 1;
        } else {
            code.push(' ');
        }
    }
    code
}

/// Cuts items under `#[cfg(test)]` and `#[cfg(all(test, …))]` out of code; also the names of the
/// modules among them that have files of their own.
pub(crate) fn without_tests(code: &str) -> (String, Vec<String>) {
    let (mut kept, mut rest) = (String::new(), code);
    let mut modules = Vec::new();
    let test = |code: &str| {
        ["#[cfg(test)", "#[cfg(all(test,"].iter().filter_map(|cfg| code.find(cfg)).min()
    };
    while let Some(at) = test(rest) {
        kept.push_str(&rest[..at]);
        let Some((_, item)) = rest[at..].split_once(']') else {
            return (kept, modules);
        };
        let head = item.find(['{', ';']).unwrap_or(item.len());
        if item[head..].starts_with(';') {
            if let Some((_, module)) = item[..head].rsplit_once("mod ") {
                modules.push(module.trim().to_owned());
            }
            rest = &item[head + 1..];
            continue;
        }
        let mut depth = 0;
        let end = item[head..].char_indices().find_map(|(at, c)| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            (depth == 0).then_some(head + at + 1)
        });
        rest = &item[end.unwrap_or(item.len())..];
    }
    kept.push_str(rest);
    (kept, modules)
}

/// The beginnings of paths of files that are modules under `#[cfg(test)]`.
pub(crate) fn test_files(sources: &[(String, String)]) -> Vec<String> {
    let mut files = Vec::new();
    for (path, text) in sources {
        let (_, modules) = without_tests(&without_comments_and_strings(text));
        let stem = path.strip_suffix(".rs").unwrap_or(path);
        let dir = match stem.rsplit_once('/') {
            Some((dir, "lib" | "main" | "mod")) => dir,
            _ => stem,
        };
        for module in modules {
            files.extend([format!("{dir}/{module}.rs"), format!("{dir}/{module}/")]);
        }
    }
    files
}

pub(crate) fn tokens(code: &str) -> Vec<&str> {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let mut tokens = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let len = if word(first) {
            rest.find(|c| !word(c)).unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        tokens.push(&rest[..len]);
        rest = rest[len..].trim_start();
    }
    tokens
}

/// The modules of `std` that are named, by path or in a `use std::{…}`.
pub(crate) fn std_modules<'a>(tokens: &[&'a str]) -> BTreeSet<&'a str> {
    let mut modules = BTreeSet::new();
    for (i, window) in tokens.windows(3).enumerate() {
        if window[..2] != ["std", "::"] {
            continue;
        }
        if window[2] != "{" {
            modules.insert(window[2]);
            continue;
        }
        let (mut depth, mut first) = (0, false);
        for token in &tokens[i + 2..] {
            match *token {
                "{" => (depth, first) = (depth + 1, depth == 0),
                "}" => depth -= 1,
                "," => first = depth == 1,
                module if first => {
                    modules.insert(module);
                    first = false;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    modules
}
