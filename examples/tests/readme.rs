//! The program in README.md is the example `embed`, which compiles and is run by `run.rs`.

#[test]
fn the_program_in_the_readme_is_the_example() {
    let example = include_str!("../examples/embed.rs");
    let code = example.lines().skip_while(|line| line.starts_with("//!") || line.is_empty());
    let code = code.collect::<Vec<_>>().join("\n");
    let readme = include_str!("../../README.md");
    assert!(
        readme.contains(&format!("```rust\n{code}\n```\n")),
        "put this into README.md:\n{code}"
    );
}
