//! Writes the reproducible input of a network, for `portrait tensor`:
//!
//! `cargo run -p portrait-test-support --example network_input -- BATCH HEIGHT WIDTH
//! OUT.safetensors`

use portrait_test_support::reproducible;
use std::collections::HashMap;

fn main() -> candle_core::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [batch, height, width, file] = &arguments[..] else {
        candle_core::bail!("usage: network_input BATCH HEIGHT WIDTH OUT.safetensors");
    };
    let number = |text: &str| text.parse().map_err(candle_core::Error::wrap);
    let input = reproducible::input((number(batch)?, 3, number(height)?, number(width)?))?;
    candle_core::safetensors::save(&HashMap::from([("input".to_owned(), input)]), file)
}
