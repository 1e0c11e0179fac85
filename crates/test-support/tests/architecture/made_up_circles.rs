//! `circles` on made-up files: it finds each kind of circle, and nothing else.

use crate::circles::circles;
use crate::known_circles::compare;

fn sources(files: &[(&str, &str)]) -> Vec<(String, String)> {
    files.iter().map(|(name, text)| (format!("src/{name}.rs"), (*text).to_owned())).collect()
}

/// The circles among files of `src`, each as its files.
fn found(files: &[(&str, &str)]) -> Vec<String> {
    let sources = sources(files);
    circles(&sources).iter().map(|circle| circle.files.join(" ")).collect()
}

const TWO: &str = "mod a; mod b;";
const STRUCT_B: &str = "pub struct B(crate::a::A);";

#[test]
fn finds_every_way_of_naming_an_item() {
    let cases = [
        "use crate::b::B; pub struct A;",
        "use super::b::B; pub struct A;",
        "use crate::b::{self, B as C}; pub struct A;",
        "use crate::{b::{B}, other::O}; pub struct A;",
        "pub struct A; fn f(b: crate::b::B) {}",
        "pub struct A; fn f() { super::b::B::new() }",
        "pub struct A; fn f() { use crate::b::B; }",
        "use crate::b; pub struct A; fn f() { b::B::new() }",
        "use crate::b::*; pub struct A(B);",
        "use super::*; pub struct A(b::B);",
        "pub struct A; impl From<<u8 as crate::b::B>::C> for A {}",
        "pub struct A; mod inner { use crate::b::B; }",
        "pub struct A; mod inner { fn f(b: super::super::b::B) {} }",
        "pub struct A; fn f() -> A { A { a: 1, ..crate::b::B::default() } }",
        "pub struct A; macro_rules! m { () => { $crate::b::B } }",
        "pub struct A; #[derive(crate::b::B)] struct C;",
        "pub use crate::b::B; pub struct A(B);",
        "pub(crate) use crate::b::made; pub struct A; fn f() { made() }",
        // What a macro makes is not found, and counts as an item of the file.
        "pub struct A; fn f(b: crate::b::MadeByAMacro) {}",
    ];
    for a in cases {
        let b = format!("{STRUCT_B} pub fn made() {{}} macro_rules! B {{ () => {{}} }}");
        let files = [("lib", "mod a; mod b; mod other;"), ("a", a), ("b", &b), ("other", "")];
        assert_eq!(found(&files), ["src/a.rs src/b.rs"], "{a}");
    }
}

#[test]
fn finds_the_file_behind_a_name_that_is_passed_on() {
    for (lib, folder, a) in [
        ("mod a; mod b; pub use b::B;", "", "use crate::B; pub struct A;"),
        ("mod a; mod b; pub use b::B as C;", "", "pub struct A(crate::C);"),
        ("mod a; mod b; pub(crate) use self::b::*;", "", "use super::B; pub struct A;"),
        ("mod a; mod b; mod c; pub use c::B;", "pub use super::b::B;", "pub struct A(crate::B);"),
        ("mod a; mod b; mod c;", "pub use crate::b;", "use crate::c::b::B; pub struct A;"),
        // A module and what it passes on may have the same name.
        ("mod a; mod b; pub use b::b;", "", "pub struct A; fn f() { crate::b() }"),
    ] {
        let b = format!("{STRUCT_B} pub fn b() {{}}");
        let files = [("lib", lib), ("c/mod", folder), ("a", a), ("b", &b)];
        assert_eq!(found(&files), ["src/a.rs src/b.rs"], "{lib} {a}");
    }
}

#[test]
fn finds_a_parent_that_uses_what_its_child_needs_it_for() {
    let parent = "mod child; pub struct Shared; fn f() { child::g(Shared) }";
    for child in ["pub fn g(s: super::Shared) {}", "use super::*; pub fn g(s: Shared) {}"] {
        let files = [("lib", "mod a;"), ("a/mod", parent), ("a/child", child)];
        assert_eq!(found(&files), ["src/a/child.rs src/a/mod.rs"]);
        let files = [("lib", "mod a;"), ("a", parent), ("a/child", child)];
        assert_eq!(found(&files), ["src/a.rs src/a/child.rs"]);
        let files = [("lib", "pub mod w { mod a; }"), ("w/a", parent), ("w/a/child", child)];
        assert_eq!(found(&files), ["src/w/a.rs src/w/a/child.rs"]);
    }
    // The root counts as well as any other file.
    let root = "mod a; pub struct Shared; fn main() { a::f() }";
    let a = "use crate::Shared; pub fn f() -> Shared {}";
    assert_eq!(found(&[("main", root), ("a", a)]), ["src/a.rs src/main.rs"]);
    assert_eq!(found(&[("bin/tool", root), ("bin/a", a)]), ["src/bin/a.rs src/bin/tool.rs"]);
}

#[test]
fn names_the_shortest_circle_and_all_files_that_circles_join() {
    let sources = sources(&[
        ("lib", "mod a; mod b; mod c; mod d; mod e;"),
        ("a", "use crate::b::B; pub struct A;"),
        ("b", "use crate::c::C; pub struct B;"),
        ("c", "use crate::a::A; use crate::d::D; pub struct C;"),
        ("d", "use crate::c::C; use crate::e::E; pub struct D;"),
        ("e", "pub struct E;"),
    ]);
    let circles = circles(&sources);
    assert_eq!(circles.len(), 1);
    let text = circles[0].to_string();
    let expected = "src/c.rs uses D of src/d.rs, which uses C of src/c.rs (circles join all of \
                    src/a.rs, src/b.rs, src/c.rs, src/d.rs)\n    -> move what both need";
    assert!(text.contains(expected), "{text}");

    let apart = [
        ("lib", "mod a; mod b; mod c;"),
        ("a", "use crate::b::B; pub struct A;"),
        ("b", STRUCT_B),
        ("c", "mod d; struct C(d::D);"),
        ("c/d", "pub struct D(super::C);"),
    ];
    assert_eq!(found(&apart), ["src/a.rs src/b.rs", "src/c.rs src/c/d.rs"]);
}

#[test]
fn leaves_alone_what_is_no_circle() {
    let cases: [(&str, &str, &str); 12] = [
        (TWO, "pub struct A;", STRUCT_B),
        // Through the root's list, but of another file or another crate.
        ("mod a; mod b; mod c; pub use c::C;", "use crate::C; pub struct A;", STRUCT_B),
        ("mod a; mod b; pub use candle::D;", "use crate::D; pub struct A;", STRUCT_B),
        // Lists of names, and declarations of modules.
        (TWO, "pub use crate::b::B; pub struct A;", STRUCT_B),
        (TWO, "pub(crate) use super::b::{self, B}; pub struct A;", STRUCT_B),
        ("pub mod a; mod b; pub use {a::A, b::B};", "pub struct A;", STRUCT_B),
        (TWO, "use crate::b; pub struct A;", STRUCT_B),
        // Tests, comments and strings.
        (TWO, "pub struct A; #[cfg(test)] mod tests { use crate::b::B; }", STRUCT_B),
        (TWO, "#[cfg(test)] use crate::b::{B}; pub struct A;", STRUCT_B),
        (TWO, "pub struct A; #[cfg(all(test, not(x)))] fn f() { crate::b::B }", STRUCT_B),
        (TWO, "/// [`crate::b::B`]\npub struct A; const S: &str = \"crate::b::B\";", STRUCT_B),
        // The same names elsewhere: a field, a method, a variable, another crate.
        (
            "mod a; mod b; pub use b::made;",
            "use ::b::B; use other::b::B as C; pub struct A { made: u8 } \
             fn f<'made>(a: A) { a.made(); let made = 1; <C>::made(made) }",
            "pub struct B(crate::a::A); pub fn made() {}",
        ),
    ];
    for (lib, a, b) in cases {
        let files = [("lib", lib), ("a", a), ("b", b), ("c", "pub struct C;")];
        assert_eq!(found(&files), [""; 0], "{lib} {a}");
    }
    // Children use their parent, which only declares and lists them; tests have files.
    let parent = "mod child; #[cfg(test)] mod tests; pub use child::g; pub struct Shared;";
    let files = [
        ("lib", "mod a; mod b; pub use a::Shared;"),
        ("a", parent),
        ("a/child", "use super::Shared; pub fn g(s: Shared) {}"),
        ("a/tests", "use super::*; use crate::b::B; pub struct T;"),
        ("b", "use crate::a; pub struct B(a::Shared);"),
    ];
    assert_eq!(found(&files), [""; 0]);
}

#[test]
fn a_list_of_known_circles_may_neither_grow_nor_keep_what_is_gone() {
    let sources =
        sources(&[("lib", TWO), ("a", "use crate::b::B; pub struct A;"), ("b", STRUCT_B)]);
    let found: Vec<_> =
        circles(&sources).into_iter().map(|circle| ("portrait-a", circle)).collect();
    let (new, gone) = compare(&found, &[("portrait-a", &["src/a.rs", "src/b.rs"])]);
    assert!(new.is_empty() && gone.is_empty(), "{new:?} {gone:?}");

    let (new, gone) = compare(&found, &[]);
    assert!(new.len() == 1 && new[0].starts_with("portrait-a: files use each other"), "{new:?}");
    assert!(gone.is_empty());
    // Of another package, or of more files.
    for other in [
        ("portrait-b", &["src/a.rs", "src/b.rs"][..]),
        ("portrait-a", &["src/a.rs", "src/b.rs", "src/c.rs"]),
    ] {
        let (new, gone) = compare(&found, &[other]);
        assert!(new.len() == 1 && gone == [other], "{new:?} {gone:?}");
    }
}
