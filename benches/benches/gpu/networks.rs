//! Each network on the card in each precision, against the CPU in single precision; then what goes before and
//! after them.

use crate::{Network, PRECISIONS, Result, matting};
use candle_core::{DType, Tensor};
use portrait_kernels::{Device, Precision};

/// Largest difference relative to the largest value, of single precision.
const SINGLE: f32 = 2e-3;
/// Of mattes in half precision, against single.
const LEAST_IOU: f32 = 0.998;
const MOST_MAE: f32 = 0.002;

/// Name, side of the input: smaller than in `speed`, for the CPU computes them too.
const CASES: [(&str, usize); 4] =
    [("YOLOv8n", 640), ("YOLOv8m", 320), ("BiRefNet lite", 512), ("BiRefNet Swin-L", 512)];

pub(crate) fn run(device: &Device) -> Result<bool> {
    println!("| network | precision | largest difference, relative | IoU | MAE | |");
    println!("|---|---|---|---|---|---|");
    let mut right = true;
    for (name, side) in CASES {
        let want =
            flat(&Network::load(name, &Device::Cpu, Precision::F32)?.run(side, &Device::Cpu)?)?;
        for precision in PRECISIONS {
            let got = Network::load(name, device, precision)?.run(side, device)?;
            let got = flat(&got.to_device(&Device::Cpu)?)?;
            let largest = want.iter().fold(0f32, |largest, x| largest.max(x.abs()));
            let difference = want.iter().zip(&got).map(|(a, b)| (a - b).abs());
            // f32::max would ignore a NaN.
            let difference = difference.fold(0f32, |most, x| if x <= most { most } else { x });
            let relative = difference / largest;
            let (iou, mae) = mattes(&want, &got);
            let is_matte = name.starts_with("BiRefNet");
            let good = match precision {
                Precision::F32 => relative <= SINGLE,
                _ if is_matte => iou >= LEAST_IOU && mae <= MOST_MAE,
                _ => relative <= 0.05,
            };
            right &= good;
            let (iou, mae) = match is_matte {
                true => (format!("{iou:.5}"), format!("{mae:.5}")),
                false => ("–".to_owned(), "–".to_owned()),
            };
            let verdict = if good { "right" } else { "**WRONG**" };
            println!(
                "| {name} {side}² | {precision:?} | {relative:.1e} | {iou} | {mae} | {verdict} |"
            );
        }
    }
    Ok(matting::check(device)? && right)
}

fn flat(x: &Tensor) -> Result<Vec<f32>> {
    Ok(x.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?)
}

/// Intersection over union at one half, and the mean difference, of the mattes of two logits.
fn mattes(want: &[f32], got: &[f32]) -> (f32, f32) {
    let matte = |logit: f32| 1.0 / (1.0 + (-logit).exp());
    let (mut both, mut either, mut sum) = (0u32, 0u32, 0f64);
    for (&want, &got) in want.iter().zip(got) {
        both += u32::from(want > 0.0 && got > 0.0);
        either += u32::from(want > 0.0 || got > 0.0);
        sum += f64::from((matte(want) - matte(got)).abs());
    }
    let iou = if either == 0 { 1.0 } else { both as f32 / either as f32 };
    (iou, (sum / want.len() as f64) as f32)
}
