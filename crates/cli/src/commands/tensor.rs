//! `portrait tensor`

use crate::args::{Settings, TensorArgs};
use crate::error::CliError;
use crate::output::Output;
use crate::profile::Profile;
use portrait_pipeline::{Model, RawNetwork};
use serde_json::json;
use std::process::ExitCode;

pub(crate) async fn run(
    args: &TensorArgs,
    settings: &Settings,
    output: &Output,
    profile: &Profile,
) -> Result<ExitCode, CliError> {
    let model = Model { file: args.weights.clone(), ..Model::named(&args.model)? };
    let places = settings.places(output, false)?;
    let device = settings.device.single()?;
    let network = RawNetwork::load(&model, &places, device, settings.precision).await?;
    profile.forget();
    let mut run = 0;
    network.run_file(&args.input, &args.output, args.repeat as usize, |time| {
        run += 1;
        profile.end_pass(time);
        output.json_line(&json!({
            "run": run,
            "milliseconds": time.as_secs_f64() * 1e3,
            "peak_resident_bytes": peak_resident_bytes(),
            "peak_device_bytes": network.peak_device_bytes(),
        }));
    })?;
    if let Some(file) = &args.profile {
        let text = format!("{:#}\n", profile.to_json());
        std::fs::write(file, text).map_err(CliError::file(file, "write"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The most memory this process has had resident, where the system tells (Linux).
fn peak_resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}
