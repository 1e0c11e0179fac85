//! The D-ID stand-in as a program, for trying out a client by hand:
//!
//! ```sh
//! cargo run -p portrait-d-id-fake -- [--port PORT] [--key USER:PASSWORD] [--seconds SECONDS]
//! ```
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program")]

use std::process::ExitCode;
use std::time::Duration;

use portrait_d_id_fake::{FakeDid, FakeDidBuilder};

const USAGE: &str =
    "usage: portrait-d-id-fake [--port PORT] [--key USER:PASSWORD] [--seconds SECONDS]
  --port     where to listen on 127.0.0.1; 8085 by default, 0 for a free one
  --key      the key to accept; one of its own by default
  --seconds  how long a talk takes; 5 by default";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let builder = match settings(std::env::args().skip(1)) {
        Ok(Some(builder)) => builder,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(wrong) => {
            eprintln!("{wrong}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let fake = match builder.start().await {
        Ok(fake) => fake,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    println!("listening on {} with the key {}", fake.base_url(), fake.key());
    std::future::pending().await
}

/// `None` when help is asked for.
fn settings(mut arguments: impl Iterator<Item = String>) -> Result<Option<FakeDidBuilder>, String> {
    let mut builder = FakeDid::builder().port(8085).talk_duration(Duration::from_secs(5));
    while let Some(option) = arguments.next() {
        if matches!(option.as_str(), "-h" | "--help") {
            return Ok(None);
        }
        let value = arguments.next().ok_or_else(|| format!("{option}: a value is missing"))?;
        let invalid = || format!("{option}: {value:?} is not usable");
        builder = match option.as_str() {
            "--port" => builder.port(value.parse().map_err(|_| invalid())?),
            "--key" => builder.key(value),
            "--seconds" => {
                let seconds: f64 = value.parse().map_err(|_| invalid())?;
                let duration = Duration::try_from_secs_f64(seconds).map_err(|_| invalid())?;
                builder.talk_duration(duration)
            }
            _ => return Err(format!("{option}: no such option")),
        };
    }
    Ok(Some(builder))
}
