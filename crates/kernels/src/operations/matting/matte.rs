//! Mattes: made of logits, restricted to a person, blurred, put beside colours.

use super::checks::{check_part, check_window, image, matte_size};
use super::region::Region;
use super::taps::Taps;
use crate::cuda::{Arg, Call, Source};
use candle_core::{DType, Result, Shape, Tensor, bail};

/// Pixels that a thread goes along.
pub(super) const STEPS: usize = 64;

/// The matte of logits `(height, width)`, in another size, on a card: their sigmoids, resized by
/// Catmull-Rom's filter, with antialias where the matte gets smaller, between 0 and 1.
///
/// # Errors
/// If the logits do not lie on a card, or a side is 0.
pub fn matte_of_logits(logits: &Tensor, height: usize, width: usize) -> Result<Tensor> {
    let [from_h, from_w] = image("matte_of_logits", logits)?;
    let along = |from: usize, to: usize| {
        let taps = Taps::catmull_rom(from, to);
        let first = Tensor::from_vec(taps.first, to, logits.device())?;
        let weights = Tensor::from_vec(taps.weights, (to, taps.count), logits.device())?;
        Ok::<_, candle_core::Error>((first, weights, taps.count))
    };
    let resize = |kernel, x: &Tensor, from: usize, to: usize, shape: [usize; 2]| {
        let (first, weights, count) = along(from, to)?;
        let args = [
            Arg::In(x),
            Arg::Typed(&first, DType::U32),
            Arg::Typed(&weights, DType::F32),
            Arg::Out,
            Arg::Number(count),
            Arg::Number(from),
            Arg::Number(width),
        ];
        call_of_values(kernel, shape, args).run_into(DType::F32)
    };
    if height * width == 0 {
        bail!("matte_of_logits: a matte of {height}x{width}");
    }
    let rows = resize("resize_rows", &logits.contiguous()?, from_w, width, [from_h, width])?;
    resize("resize_columns", &rows, from_h, height, [height, width])
}

/// Keeps the neighbours out of a matte `(height, width)` in `f32` on a card. What lies inside a box
/// of `others` and outside the person's box becomes 0, and where there is such a pixel, so does
/// what is not connected with the person's box over visible pixels.
///
/// # Errors
/// If the matte does not lie on a card.
pub fn keep_person(matte: &Tensor, person: Region, others: &[Region]) -> Result<Tensor> {
    let size @ [_, width] = matte_size("keep_person", matte)?;
    let person = person.within(size);
    let others: Vec<_> = others.iter().map(|other| other.within(size)).collect();
    if others.iter().all(|&other| person.covers(other)) {
        return Ok(matte.clone());
    }
    let numbers = others.iter().flat_map(|other| other.numbers());
    let numbers: Vec<u32> = numbers.map(|number| number as u32).collect();
    let boxes = Tensor::from_vec(numbers, (others.len(), 4), matte.device())?;
    let mut args =
        vec![Arg::In(matte), Arg::Typed(&boxes, DType::U32), Arg::Out, Arg::Number(others.len())];
    args.extend(person.numbers().map(Arg::Number));
    args.push(Arg::Number(width));
    let labels = call_of_values("part_labels", size, args).run_into(DType::U32)?;
    call_of_values("join_parts", size, [Arg::Out, Arg::Number(width)]).run_on(&labels)?;
    let args = [Arg::In(matte), Arg::Typed(&labels, DType::U32), Arg::Out];
    call_of_values("keep_parts", size, args).run()
}

/// The mean over `size × size` pixels around each pixel of a matte `(height, width)` in `f32` on a
/// card, as `cv2.blur` takes it with its border.
///
/// # Errors
/// If the matte does not lie on a card, or the window is too large.
pub fn box_filter(matte: &Tensor, size: usize) -> Result<Tensor> {
    let shape @ [height, width] = matte_size("box_filter", matte)?;
    check_window(size)?;
    let runs = |lines: usize, length: usize| lines * length.div_ceil(STEPS);
    let numbers = [Arg::Number(width), Arg::Number(size)];
    let args = [Arg::In(matte), Arg::Out].into_iter().chain(numbers);
    let rows = call_of_runs("row_means", shape, runs(height, width), args).run()?;
    let args = [Arg::In(&rows), Arg::Out, Arg::Number(height)].into_iter().chain(numbers);
    call_of_runs("column_means", shape, runs(width, height), args).run()
}

/// A part of a photo, `(height, width, 3)` bytes, with the alpha of a matte `(height, width)` in
/// `f32`: bytes `(rows, columns, 4)`, with no colour where alpha is 0. All lie on a card.
///
/// # Errors
/// If they do not, differ in size, or the part reaches out of them.
pub fn compose(photo: &Tensor, matte: &Tensor, part: Region) -> Result<Tensor> {
    let [_, width] = check_part("compose", photo, &[matte], part)?;
    let args = [
        Arg::In(matte),
        Arg::Typed(photo, DType::U8),
        Arg::Out,
        Arg::Number(width),
        Arg::Number(part.y),
        Arg::Number(part.x),
        Arg::Number(part.width),
    ];
    let count = part.height * part.width;
    let call = Call::of_count("compose", Shape::from((part.height, part.width, 4)), count, args);
    call.from(Source::Matting).run_into(DType::U8)
}

fn call_of_values<'a>(
    kernel: &'static str,
    [height, width]: [usize; 2],
    args: impl IntoIterator<Item = Arg<'a>>,
) -> Call<'a> {
    Call::of_values(kernel, Shape::from((height, width)), args).from(Source::Matting)
}

fn call_of_runs<'a>(
    kernel: &'static str,
    [height, width]: [usize; 2],
    runs: usize,
    args: impl IntoIterator<Item = Arg<'a>>,
) -> Call<'a> {
    Call::of_count(kernel, Shape::from((height, width)), runs, args).from(Source::Fusion)
}
