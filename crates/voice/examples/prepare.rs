//! Makes a recording ready for upload, with music under it:
//!
//! ```sh
//! cargo run -p portrait-voice --example prepare -- recording.m4a ready [music.mp3] [volume]
//! ```

#![allow(clippy::print_stdout, reason = "a program speaks to its user")]

use std::error::Error;
use std::fs;

use portrait_voice::{MixOptions, PrepareOptions, prepare};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(recording), Some(ready)) = (arguments.next(), arguments.next()) else {
        return Err("usage: prepare RECORDING READY [MUSIC] [VOLUME]".into());
    };
    let music = arguments.next().map(fs::read).transpose()?;
    let volume = arguments.next().map_or(Ok(0.3), |volume| volume.parse())?;
    let mix = MixOptions { volume, ..MixOptions::default() };
    let options = PrepareOptions { mix, ..PrepareOptions::default() };

    let done = prepare(&fs::read(recording)?, music.as_deref(), &options)?;
    let ready = format!("{ready}.{}", done.file.format.extension());
    println!(
        "{ready}: {:.1} s at {} Hz, {} bytes, {:.1} LUFS, peak {:.1} dBTP",
        done.file.duration.as_secs_f64(),
        done.file.sample_rate,
        done.file.bytes.len(),
        done.loudness.integrated_lufs,
        done.loudness.true_peak_dbtp,
    );
    fs::write(ready, done.file.bytes)?;
    Ok(())
}
