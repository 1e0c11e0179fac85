//! The table of supported checkpoints for the documentation.

use std::fmt::Write;

use crate::manifest::Manifest;
use crate::memory::Memory;

/// The page `docs/models.md`: every built-in checkpoint with input, type, size, licence and source.
pub fn models_page() -> String {
    let mut page = String::from(
        "# Checkpoints\n\n\
         <!-- Made from models/*/manifest.toml by\n     \
         cargo run -p portrait-weights --example models_table > docs/models.md -->\n\n\
         `portrait models list` shows this table, `portrait models fetch ID` downloads a checkpoint into the hub cache,\n\
         `portrait models verify ID` checks it. Sizes marked ≈ are those of public lists; a dash means that it is not known.\n\n\
         | id | family | input (w×h) | type | MB | licence | source |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for manifest in Manifest::builtin() {
        row(&mut page, &manifest);
    }
    page.push_str(
        "\n## Quality\n\nAs published, where it is; of the starter models as measured on held-out photos.\n\n\
         | id | quality |\n|---|---|\n",
    );
    for manifest in Manifest::builtin() {
        if let Some(quality) = &manifest.quality {
            push(&mut page, format_args!("| `{}` | {quality} |\n", manifest.id));
        }
    }
    memory(&mut page);
    page.push_str("\n## Training data of the starter models\n\n");
    for manifest in Manifest::builtin() {
        if let Some(data) = &manifest.training_data {
            push(&mut page, format_args!("- `{}`: {data}\n", manifest.id));
        }
    }
    page.push_str("\n## Licences\n\n");
    let mut told = Vec::new();
    for licence in Manifest::builtin().map(|manifest| manifest.licence) {
        if !told.contains(&licence) {
            push(&mut page, format_args!("- **{}**: {}\n", licence.spdx, licence.notice));
            told.push(licence);
        }
    }
    page
}

fn row(page: &mut String, manifest: &Manifest) {
    let dash = || String::from("–");
    let dtype = manifest.dtype.map_or_else(dash, |dtype| dtype.to_string());
    let exact = manifest.size.map(|size| format!("{:.2}", size as f64 / 1e6));
    let about = || manifest.approximate_size_mb.map(|mb| format!("≈ {mb}"));
    let size = exact.or_else(about).unwrap_or_else(dash);
    let source = match &manifest.source {
        Some(source) => format!("`{}`, `{}`", source.repository, source.file),
        None => format!("`models/{}`", manifest.id),
    };
    push(
        page,
        format_args!(
            "| `{}` | {} | {} | {dtype} | {size} | {} | {source} |\n",
            manifest.id, manifest.family, manifest.input, manifest.licence.spdx
        ),
    );
}

/// Of the checkpoints of which a peak was measured.
fn memory(page: &mut String) {
    page.push_str(
        "\n## Memory\n\nThe most that one run takes in MB, weights included, where it was measured: one picture of the input's size, by\n\
         `portrait tensor` (see [gpu.md](gpu.md)). On a CPU it is the whole process, on a card what is in tensors.\n\n\
         | id | CPU, f32 | card, f32 | card, f16 | card, bf16 |\n|---|---|---|---|---|\n",
    );
    for manifest in Manifest::builtin().filter(|manifest| !manifest.memory.is_unknown()) {
        let Memory { cpu, cuda } = manifest.memory;
        let peaks = [cpu.f32, cuda.f32, cuda.f16, cuda.bf16];
        let [cpu, f32, f16, bf16] = peaks.map(|peak| {
            peak.map_or_else(|| "–".into(), |bytes| format!("{:.1}", bytes as f64 / 1e6))
        });
        push(page, format_args!("| `{}` | {cpu} | {f32} | {f16} | {bf16} |\n", manifest.id));
    }
}

fn push(page: &mut String, text: std::fmt::Arguments<'_>) {
    page.write_fmt(text).expect("writing to a String does not fail");
}
