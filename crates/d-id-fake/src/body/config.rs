//! The `config` of a talk's body.

use serde_json::Value;

use super::fields::{Checked, Rules, flag, known, refuse};
use super::urls::is_url;

/// How it is shown.
pub(super) struct ConfigPart {
    pub(super) stitch: bool,
    pub(super) pad: f64,
}

pub(super) fn config_of(config: Option<&Value>, rules: &Rules<'_>) -> Checked<ConfigPart> {
    let Some(config) = config else {
        return Ok(ConfigPart { stitch: false, pad: 0.0 });
    };
    let Some(fields) = config.as_object() else {
        return refuse("\"config\" must be an object");
    };
    known(
        fields,
        "config",
        rules,
        &["logo", "stitch", "result_format", "fluent", "pad_audio", "driver_expressions"],
    )?;
    flag(fields, "fluent")?;
    if let Some(format) = fields.get("result_format")
        && !matches!(format.as_str(), Some("mp4" | "mov"))
    {
        return refuse("\"result_format\" must be mp4 or mov");
    }
    let pad = match fields.get("pad_audio").map(Value::as_f64) {
        None => 0.0,
        Some(Some(pad)) if (0.0..=60.0).contains(&pad) => pad,
        Some(_) => return refuse("\"pad_audio\" must be 0 to 60"),
    };
    if let Some(logo) = fields.get("logo") {
        let url = logo.get("url").and_then(Value::as_str).unwrap_or_default();
        let corners = logo.get("position").and_then(Value::as_array);
        let integers = corners.is_some_and(|at| at.len() == 2 && at.iter().all(Value::is_i64));
        if !is_url(url, &["https", "s3"], rules) || !integers {
            return refuse("\"logo\" must have a url and a position of two integers");
        }
    }
    if let Some(driver) = fields.get("driver_expressions") {
        let all = driver.get("expressions").and_then(Value::as_array);
        if !all.is_some_and(|all| all.iter().all(is_expression)) {
            return refuse("\"driver_expressions\" must list timed expressions");
        }
    }
    Ok(ConfigPart { stitch: flag(fields, "stitch")?, pad })
}

fn is_expression(timed: &Value) -> bool {
    let number = |name| timed.get(name).and_then(Value::as_f64);
    matches!(
        timed.get("expression").and_then(Value::as_str),
        Some("neutral" | "happy" | "serious" | "surprise")
    ) && number("start_frame").is_some_and(|frame| frame >= 0.0)
        && number("intensity").is_some_and(|intensity| (0.0..=1.0).contains(&intensity))
}
