//! `portrait tensor`

use crate::args::{Settings, TensorArgs};
use crate::data;
use crate::error::CliError;
use crate::files::guard::Guard;
use crate::output::Output;
use crate::profile::Profile;
use portrait_pipeline::lowlevel::RawNetwork;
use portrait_pipeline::weights::Error as WeightsError;
use portrait_pipeline::{Error, Model};
use serde_json::{Value, json};
use std::fs::File;
use std::io;
use std::path::Path;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

pub(crate) async fn run(
    args: &TensorArgs,
    settings: &Settings,
    output: &Output,
    profile: &Profile,
) -> Result<u8, CliError> {
    let model = Model { file: args.weights.clone(), ..Model::named(&args.model)? };
    let places = settings.places(output, false)?;
    let device = settings.device.single()?;
    // Checked before weights are read and the passes, which can take minutes, begin.
    File::open(&args.input).map_err(CliError::file(&args.input, "read"))?;
    let inputs = [Some(args.input.as_path()), args.weights.as_deref()].into_iter().flatten();
    let guard = Guard::new(args.replace.force, data::ledger(), inputs);
    let draft = guard.draft(&args.output)?;
    if let Some(file) = &args.profile {
        drop(guard.draft(file)?);
    }
    let (told, mut runs) = mpsc::unbounded_channel();
    let result = draft.path().to_path_buf();
    let (input, repeat) = (args.input.clone(), args.repeat as usize);
    let place = result.clone();
    let (precision, heard) = (settings.precision, profile.clone());
    // On a thread of its own, so that an interrupt is noticed.
    let work = tokio::task::spawn_blocking(move || {
        let network = RawNetwork::load(&model, &places, device, precision);
        let network = Handle::current().block_on(network)?;
        heard.forget();
        let mut run = 0;
        network.run_file(&input, &result, repeat, |time| {
            run += 1;
            heard.end_pass(time);
            // After an interrupt nobody waits for it.
            let _ = told.send(json!({
                "run": run,
                "milliseconds": time.as_secs_f64() * 1e3,
                "peak_resident_bytes": peak_resident_bytes(),
                "peak_device_bytes": network.peak_device_bytes(),
            }));
        })
    });
    while let Some(line) = runs.recv().await {
        let line: Value = line;
        output.json_line(&line);
    }
    match work.await {
        Ok(done) => done.map_err(|error| of_files(error, &place, args))?,
        Err(panic) => return Err(CliError::Crashed(panic.to_string())),
    };
    guard.finish(draft, &args.output)?;
    if let Some(file) = &args.profile {
        let text = format!("{:#}\n", profile.to_json());
        guard.write(file, text.as_bytes(), "", false)?;
    }
    Ok(0)
}

/// The file for the result is no file of weights.
fn of_files(error: Error, draft: &Path, args: &TensorArgs) -> CliError {
    if let Error::Weights(shared) = &error
        && let WeightsError::Disk { path, action, source } = &**shared
        && path == draft
    {
        // The error is shared, and a system's error cannot be cloned.
        let source = match source.raw_os_error() {
            Some(number) => io::Error::from_raw_os_error(number),
            None => io::Error::new(source.kind(), source.to_string()),
        };
        return CliError::File { path: args.output.clone(), action, source };
    }
    error.into()
}

/// The most memory this process has had resident, where the system tells (Linux).
fn peak_resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}
