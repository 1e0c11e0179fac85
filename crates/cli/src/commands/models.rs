//! `portrait models`

use crate::args::{ModelsArgs, ModelsCommand, Settings};
use crate::error::CliError;
use crate::output::Output;
use crate::settings;
use crate::shown::shown;
use portrait_pipeline::weights::{Error, Origin, Resolved, Verification, resolve};
use portrait_pipeline::{Manifest, Places};
use serde_json::{Value, json};

pub(crate) async fn run(
    args: &ModelsArgs,
    settings: &Settings,
    output: &Output,
) -> Result<u8, CliError> {
    match &args.command {
        ModelsCommand::Evaluate(args) => super::evaluate::run(args, settings, output).await,
        ModelsCommand::List => list(&settings.places(output, false)?, output).await,
        ModelsCommand::Fetch { ids } => fetch(ids, &settings.places(output, true)?, output).await,
        ModelsCommand::Verify { ids } => {
            verify(ids, &settings.places(output, false)?, output).await
        }
    }
}

/// The file of a model without touching the network; `None` where there is none.
async fn local(manifest: &Manifest, places: &Places) -> Result<Option<Resolved>, CliError> {
    match resolve(manifest, places).await {
        Ok(found) => Ok(Some(found)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn list(places: &Places, output: &Output) -> Result<u8, CliError> {
    let places = offline(places);
    let mut models = Vec::new();
    for manifest in Manifest::builtin() {
        let found = local(&manifest, &places).await?;
        let here = found.as_ref().map_or("not here", |found| origin(found.origin));
        output.line(format!(
            "{:<22} {:<9} {:<28} {:<14} {:<12} {}",
            manifest.id,
            manifest.family,
            manifest.input.to_string(),
            manifest.licence.spdx,
            here,
            manifest.summary
        ));
        models.push(json!({
            "id": manifest.id,
            "family": manifest.family.to_string(),
            "input": { "width": manifest.input.width, "height": manifest.input.height },
            "licence": manifest.licence.spdx,
            "notice": manifest.licence.notice,
            "summary": manifest.summary,
            "file": found.map(|found| found.path.to_string_lossy().into_owned()),
        }));
    }
    output.document(&Value::from(models));
    Ok(0)
}

async fn fetch(ids: &[String], places: &Places, output: &Output) -> Result<u8, CliError> {
    let manifests = ids.iter().map(|id| Manifest::find(id)).collect::<Result<Vec<_>, _>>()?;
    if places.hub.is_none() {
        let advice = "no hub cache: give --hub-cache DIR, or set HOME".to_owned();
        return Err(CliError::Usage(advice));
    }
    let mut fetched = Vec::new();
    for manifest in manifests {
        let found = resolve(&manifest, places).await.map_err(|error| match error {
            Error::NotFound { .. } if settings::offline() => CliError::Usage(format!(
                "{} is not on this machine, and HF_HUB_OFFLINE forbids to download it",
                manifest.id
            )),
            error => error.into(),
        })?;
        found.open()?;
        output.line(format!("{}: {} ({})", manifest.id, shown(&found.path), origin(found.origin)));
        output.line(format!("  licence {}: {}", manifest.licence.spdx, manifest.licence.notice));
        fetched.push(json!({
            "id": manifest.id,
            "file": found.path.to_string_lossy(),
            "downloaded": found.origin == Origin::Downloaded,
            "licence": manifest.licence.spdx,
        }));
    }
    output.document(&Value::from(fetched));
    Ok(0)
}

async fn verify(ids: &[String], places: &Places, output: &Output) -> Result<u8, CliError> {
    let places = offline(places);
    let all = ids.is_empty();
    let manifests: Vec<Manifest> = if all {
        Manifest::builtin().collect()
    } else {
        ids.iter().map(|id| Manifest::find(id)).collect::<Result<_, _>>()?
    };
    let mut verified = Vec::new();
    for manifest in manifests {
        let found = match local(&manifest, &places).await? {
            Some(found) => found,
            None if all => continue,
            // Says where it was looked for.
            None => resolve(&manifest, &places).await?,
        };
        let checkpoint = found.open()?;
        let Verification { size, sha256, pinned, .. } = checkpoint.verify(&manifest)?;
        let note = if pinned { "as the manifest states" } else { "the manifest states none" };
        output.line(format!(
            "{}: {} tensors, {size} bytes, sha256 {sha256} ({note})",
            manifest.id,
            checkpoint.len()
        ));
        verified.push(json!({
            "id": manifest.id,
            "file": found.path.to_string_lossy(),
            "tensors": checkpoint.len(),
            "bytes": size,
            "sha256": sha256,
            "pinned": pinned,
        }));
    }
    if verified.is_empty() {
        output.line("no model is on this machine; fetch one with `portrait models fetch ID`");
    }
    output.document(&Value::from(verified));
    Ok(0)
}

/// The same places without the network.
fn offline(places: &Places) -> Places {
    let mut places = places.clone();
    if let Some(hub) = &mut places.hub {
        hub.download = None;
    }
    places
}

fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::File => "given",
        Origin::Models => "models",
        Origin::Cache => "hub cache",
        Origin::Downloaded => "downloaded",
        Origin::Bundled => "bundled",
        _ => "here",
    }
}
