//! What goes before and after the networks, on the card and on the processor's cores.

use crate::Result;
use candle_core::{DType, Tensor};
use image::RgbImage;
use image::math::Rect;
use portrait_benches::{ONE_MEGAPIXEL, TWELVE_MEGAPIXELS, matte, photo};
use portrait_kernels::{Device, Precision, device_memory, release_idle_memory};
use portrait_segmentation::{CutOut, CutOutOptions, PersonCrop, Segmented, preprocess};
use std::slice::from_ref;
use std::time::Instant;

/// Sides of the network's input, and of its answer.
const INPUT: [u32; 2] = [1024, 1024];
const PASSES: usize = 11;

/// Photos with a person in the middle; a neighbour, feather and refined colours or not.
fn cases() -> Vec<(&'static str, PersonCrop)> {
    let refined = CutOutOptions::default();
    let plain = CutOutOptions { refine: None, ..refined };
    let feathered = CutOutOptions { feather: 12, ..refined };
    let crop = |size: (u32, u32), with_neighbour: bool, options: &CutOutOptions| {
        let (width, height) = size;
        let person = Rect { x: width / 4, y: height / 8, width: width / 2, height: height * 7 / 8 };
        let neighbour =
            Rect { x: width * 2 / 3, y: height / 2, width: width / 4, height: height / 2 };
        let others = if with_neighbour { vec![neighbour] } else { vec![] };
        PersonCrop::new(&photo(size), person, &others, options, INPUT)
    };
    let cases = [
        ("1 megapixel", crop(ONE_MEGAPIXEL, false, &refined)),
        ("1 megapixel, a neighbour, feathered", crop(ONE_MEGAPIXEL, true, &feathered)),
        ("1 megapixel, the photo's colours", crop(ONE_MEGAPIXEL, false, &plain)),
        ("12 megapixels", crop(TWELVE_MEGAPIXELS, false, &refined)),
        ("12 megapixels, a neighbour", crop(TWELVE_MEGAPIXELS, true, &refined)),
    ];
    cases.into_iter().map(|(name, crop)| (name, crop.expect("persons in their photos"))).collect()
}

/// The logits that a network would give for this matte.
fn logits() -> Result<Tensor> {
    let [width, height] = INPUT;
    let logit =
        |alpha: f32| (alpha.clamp(1e-6, 1.0 - 1e-6) / (1.0 - alpha.clamp(1e-6, 1.0 - 1e-6))).ln();
    let values: Vec<f32> = matte((width, height)).iter().map(|&alpha| logit(alpha)).collect();
    Ok(Tensor::from_vec(values, (1, 1, height as usize, width as usize), &Device::Cpu)?)
}

fn cut_out(logits: &Tensor, crop: &PersonCrop) -> Result<CutOut> {
    Ok(Segmented::new(logits, crop)?.cut_out(crop)?)
}

/// The card's cut-outs against those of the cores, a level of 255 apart at most.
pub(crate) fn check(device: &Device) -> Result<bool> {
    println!("\n| cut-out | alpha differs by | colours by | of 255 |");
    println!("|---|---|---|---|");
    let logits = logits()?;
    let on_card = logits.to_device(device)?;
    let mut right = true;
    for (name, crop) in cases() {
        let (want, got) = (cut_out(&logits, &crop)?, cut_out(&on_card, &crop)?);
        let pairs = || want.image.pixels().zip(got.image.pixels());
        let alpha = pairs().map(|(want, got)| want[3].abs_diff(got[3])).max();
        let colours = pairs().filter(|(want, got)| want[3] > 0 && got[3] > 0);
        let colour =
            colours.flat_map(|(want, got)| (0..3).map(move |i| want[i].abs_diff(got[i]))).max();
        let good = want.rect == got.rect && alpha <= Some(1) && colour <= Some(1);
        right &= good;
        let [alpha, colour] = [alpha, colour].map(Option::unwrap_or_default);
        let verdict = if good { "right" } else { "**WRONG**" };
        println!("| {name} | {alpha} | {colour} | {verdict} |");
    }
    let photo = photo((INPUT[0], INPUT[1]));
    let input = |device: &Device| -> Result<Vec<f32>> {
        Ok(preprocess(from_ref(&photo), INPUT, device)?.flatten_all()?.to_vec1()?)
    };
    let same = input(&Device::Cpu)? == input(device)?;
    println!(
        "\nThe network's input is {} on the card.",
        if same { "the same" } else { "**WRONG**" }
    );
    Ok(right && same)
}

/// Milliseconds from logits where they lie, and a crop here, to a cut-out here; and from pixels here to an
/// input there.
pub(crate) fn time(device: &Device) -> Result<()> {
    println!("\n| cut-out, from logits | on the card, ms | on cores, ms | peak MB |");
    println!("|---|---|---|---|");
    let logits = logits()?;
    let on_card = logits.to_dtype(DType::F16)?.to_device(device)?;
    for (name, crop) in cases() {
        release_idle_memory(device)?;
        let card = median(|| cut_out(&on_card, &crop).map(drop))?;
        let peak = device_memory(device)?
            .map_or("–".to_owned(), |memory| format!("{:.0}", memory.peak as f64 / 1e6));
        let cores = median(|| cut_out(&logits, &crop).map(drop))?;
        println!("| {name} | {card:.1} | {cores:.1} | {peak} |");
    }
    let photo = photo((INPUT[0], INPUT[1]));
    let as_bytes = median(|| {
        preprocess(from_ref(&photo), INPUT, device)?;
        Ok(device.synchronize()?)
    })?;
    let as_values = median(|| values(&photo, device))?;
    println!(
        "\nA picture of 1024² to the network's input: {as_bytes:.2} ms, by cores {as_values:.2} ms."
    );
    Ok(())
}

/// Without the kernel: values are computed here, and four times as many bytes are uploaded.
fn values(photo: &RgbImage, device: &Device) -> Result<()> {
    let input = preprocess(from_ref(photo), INPUT, &Device::Cpu)?;
    input.to_device(device)?.to_dtype(Precision::F16.dtype())?;
    Ok(device.synchronize()?)
}

fn median(mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut times = Vec::new();
    for _ in 0..PASSES {
        let start = Instant::now();
        work()?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}
