//! A pass of each network, from an input on the card to an output there; then what goes before and after them.

use crate::{CASES, Network, PRECISIONS, Result, matting};
use candle_core::Device;
use portrait_kernels::{device_memory, release_idle_memory};
use portrait_test_support::reproducible;
use std::time::Instant;

const WARM_UP: usize = 5;
const PASSES: usize = 50;
/// Passes between two readings of the clock: the card must not wait for the processor.
const TOGETHER: usize = 5;

pub(crate) fn run(device: &Device) -> Result<bool> {
    println!("| network | precision | one pass, ms | passes in a row, ms each | peak MB |");
    println!("|---|---|---|---|---|");
    for (name, side) in CASES {
        for precision in PRECISIONS {
            release_idle_memory(device)?;
            let network = Network::load(name, device, precision)?;
            let input = reproducible::input((1, 3, side, side))?.to_device(device)?;
            for _ in 0..WARM_UP {
                network.forward(&input)?;
            }
            device.synchronize()?;
            let (alone, row) = (median(&network, &input, 1)?, median(&network, &input, TOGETHER)?);
            let peak = device_memory(device)?
                .map_or("–".to_owned(), |memory| format!("{:.0}", memory.peak as f64 / 1e6));
            println!("| {name} {side}² | {precision:?} | {alone:.2} | {row:.2} | {peak} |");
        }
    }
    matting::time(device)?;
    Ok(true)
}

/// Milliseconds of a pass; `together` passes are queued before waiting for the card.
fn median(network: &Network, input: &candle_core::Tensor, together: usize) -> Result<f64> {
    let mut times = Vec::new();
    for _ in 0..PASSES.div_ceil(together) {
        let start = Instant::now();
        for _ in 0..together {
            network.forward(input)?;
        }
        input.device().synchronize()?;
        times.push(start.elapsed().as_secs_f64() * 1e3 / together as f64);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}
