//! The rules on made-up packages: each finds what it is for, and nothing else.

use std::collections::BTreeMap;

use cargo_metadata::DependencyKind;

use crate::rules::{Package, check, inherits_lints};
use crate::{PLACES, Place};

/// A small workspace without fault.
fn sound() -> BTreeMap<&'static str, Package> {
    let package = |(name, _): (&'static str, Place)| {
        let sources = vec![("src/lib.rs".to_owned(), "pub fn f() {}".to_owned())];
        let manifest = "[lints]\nworkspace = true # all of them\n".to_owned();
        (name, Package { name: name.to_owned(), sources, manifest, ..Package::default() })
    };
    let mut packages: BTreeMap<_, _> = PLACES.map(package).into();
    let uses = [
        ("portrait-kernels", "candle-core", DependencyKind::Normal),
        ("portrait-kernels", "portrait-test-support", DependencyKind::Development),
        ("portrait-detection", "portrait-kernels", DependencyKind::Normal),
        ("portrait-detection", "tokio", DependencyKind::Development),
        ("portrait-d-id", "image", DependencyKind::Development),
        ("portrait-http", "reqwest", DependencyKind::Normal),
        ("portrait-voice", "reqwest", DependencyKind::Normal),
        ("portrait-pipeline", "portrait-segmentation", DependencyKind::Normal),
        ("portrait-pipeline", "portrait-storage", DependencyKind::Normal),
        ("portrait-cli", "portrait-pipeline", DependencyKind::Normal),
        ("portrait-cli", "portrait-d-id-fake", DependencyKind::Normal),
        ("portrait-cli", "candle-core", DependencyKind::Development),
        ("portrait-examples", "portrait-d-id-fake", DependencyKind::Normal),
        ("portrait-benches", "portrait-kernels", DependencyKind::Development),
    ];
    for (package, name, kind) in uses {
        let package: &mut Package = packages.get_mut(package).unwrap();
        package.dependencies.push((name.to_owned(), kind));
    }
    packages
}

fn violations(packages: BTreeMap<&str, Package>) -> Vec<String> {
    let packages: Vec<_> = packages.into_values().collect();
    check(&packages).iter().map(ToString::to_string).collect()
}

#[test]
fn finds_nothing_where_nothing_is_wrong() {
    assert_eq!(violations(sound()), [""; 0]);
}

#[test]
fn finds_every_kind_of_wrong_dependency() {
    use DependencyKind::{Build, Development, Normal};
    let cases = [
        ("portrait-storage", "portrait-pipeline", Normal, "uses portrait-pipeline of layer 3"),
        ("portrait-kernels", "portrait-detection", Build, "uses portrait-detection of layer 2"),
        ("portrait-storage", "portrait-d-id", Normal, "its neighbour in layer 1"),
        ("portrait-voice", "portrait-d-id", Normal, "its neighbour in layer 1"),
        ("portrait-pipeline", "portrait-d-id-fake", Normal, "which is for development"),
        ("portrait-cli", "portrait-test-support", Normal, "which is for development"),
        ("portrait-d-id-fake", "portrait-d-id", Normal, "is for development and uses"),
        ("portrait-pipeline", "portrait-benches", Normal, "which nothing may use"),
        ("portrait-pipeline", "candle-core", Normal, "names candle-core"),
        ("portrait-cli", "candle-nn", Build, "names candle-nn"),
        ("portrait-storage", "gemm", Normal, "names gemm"),
        ("portrait-pipeline", "hf-hub", Normal, "names hf-hub"),
        ("portrait-cli", "reqwest", Normal, "names reqwest"),
        ("portrait-storage", "image", Normal, "names image"),
        ("portrait-d-id", "image", Build, "names image"),
        ("portrait-cli", "portrait-detection", Normal, "past pipeline"),
        ("portrait-cli", "portrait-segmentation", Development, "past pipeline"),
        ("portrait-cli", "portrait-weights", Normal, "past pipeline"),
        ("portrait-cli", "portrait-kernels", Normal, "past pipeline"),
        ("portrait-segmentation", "tokio", Normal, "reaches tokio"),
        ("portrait-detection", "object_store", Normal, "reaches object_store"),
        ("portrait-kernels", "tokio", Normal, "reaches tokio by portrait-kernels"),
    ];
    for (package, name, kind, expected) in cases {
        let mut packages = sound();
        packages.get_mut(package).unwrap().dependencies.push((name.to_owned(), kind));
        let found = violations(packages);
        assert!(
            found.len() == 1 && found[0].contains(expected) && found[0].contains("\n    -> "),
            "{package} uses {name}: {found:?}"
        );
    }
}

#[test]
fn finds_a_package_without_a_place_or_lints() {
    let mut packages = sound();
    let stranger = Package { name: "portrait-stranger".to_owned(), ..Package::default() };
    packages.insert("portrait-stranger", stranger);
    let found = violations(packages);
    assert!(found.len() == 2 && found[0].contains("has no place"), "{found:?}");
    assert!(found[1].contains("does not inherit the workspace's lints"), "{found:?}");

    assert!(inherits_lints("lints.workspace = true"));
    for manifest in
        ["", "[lints]\nworkspace = false", "[lints.rust]\nworkspace = true", "workspace = true"]
    {
        assert!(!inherits_lints(manifest), "{manifest}");
    }
}

#[test]
fn finds_what_sources_must_not_do() {
    let cases = [
        ("portrait-detection", "src/a.rs", "use std::fs::File;", "uses std::fs in src/a.rs"),
        ("portrait-segmentation", "src/a.rs", "use std::{io, env};", "uses std::env"),
        ("portrait-detection", "src/a.rs", "fn f(a: std::net::IpAddr) {}", "uses std::net"),
        ("portrait-pipeline", "src/a.rs", "fn f() { std::env::var(\"A\"); }", "environment"),
        ("portrait-weights", "src/a.rs", "use std::{fs::{self, A}, env::var};", "environment"),
        ("portrait-storage", "src/a.rs", "fn f() { S3::from_env() }", "environment"),
        ("portrait-d-id-fake", "src/server.rs", "use std::env;", "environment"),
        ("portrait-pipeline", "src/a.rs", "fn f() { unsafe { g() } }", "has `unsafe`"),
        ("portrait-storage", "tests/a.rs", "unsafe impl Send for A {}", "has `unsafe`"),
        ("portrait-benches", "speed.rs", "unsafe fn f() {}", "has `unsafe`"),
        // Only the test is left out, not what stands behind it.
        (
            "portrait-detection",
            "src/a.rs",
            "#[cfg(test)]\nmod tests { use std::net::A; }\nuse std::fs;",
            "uses std::fs",
        ),
    ];
    for (package, path, text, expected) in cases {
        let mut packages = sound();
        let sources = &mut packages.get_mut(package).unwrap().sources;
        sources.push((path.to_owned(), text.to_owned()));
        let found = violations(packages);
        assert!(found.len() == 1 && found[0].contains(expected), "{text}: {found:?}");
    }
}

#[test]
fn leaves_alone_what_only_looks_wrong() {
    let detection = [
        "//! std::fs::read(photo)\n/* unsafe /* std::env */ std::net */ fn f() {}",
        r##"const A: &str = "std::env \" unsafe"; const B: &str = r#"" unsafe std::fs"#;"##,
        "fn f<'a>(c: char) -> bool { c == '\"' || c == '\\'' || c == '\\\\' } // unsafe",
        "use std::{collections::{BTreeMap, env}, io}; fn std_env() {} mod unsafely {}",
        "#[cfg(test)]\nmod tests {\n  fn f() { if a { std::fs::read() } }\n}\n",
        "#[cfg(test)]\nmod checks;",
    ];
    let mut packages = sound();
    let sources = &mut packages.get_mut("portrait-detection").unwrap().sources;
    for (i, text) in detection.into_iter().enumerate() {
        sources.push((format!("src/a{i}.rs"), text.to_owned()));
    }
    sources.push(("src/a5/checks.rs".to_owned(), "use std::fs;".to_owned()));
    sources.push(("tests/a.rs".to_owned(), "use std::{env, fs, net};".to_owned()));
    for (package, path, text) in [
        ("portrait-kernels", "src/b.rs", "unsafe fn f() {}"),
        ("portrait-cli", "src/a.rs", "use std::env;"),
        ("portrait-d-id-fake", "src/main.rs", "use std::env;"),
        ("portrait-test-support", "src/a.rs", "use std::env;"),
        ("portrait-examples", "src/bin/a.rs", "use std::env;"),
    ] {
        let sources = &mut packages.get_mut(package).unwrap().sources;
        sources.push((path.to_owned(), text.to_owned()));
    }
    assert_eq!(violations(packages), [""; 0]);
}
