//! Prints `docs/models.md`: `cargo run -p portrait-weights --example models_table > docs/models.md`.

#![allow(clippy::print_stdout)]

fn main() {
    print!("{}", portrait_weights::models_page());
}
