//! Prints `docs/errors.md`: `cargo run -p portrait-pipeline --example errors_page > docs/errors.md`.

#[allow(clippy::print_stdout, reason = "the page is this program's output")]
fn main() {
    print!("{}", portrait_pipeline::lowlevel::errors_page());
}
