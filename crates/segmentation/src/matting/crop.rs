//! Which part of the photo the network sees of a person, and which part of it is kept.

use image::math::Rect;

/// The network sees this much around a box, as a fraction of the box's longer side.
const CONTEXT: f32 = 0.25;

/// The rectangles of one person's cut-out, in photo pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CropPlan {
    /// What the network sees: the box with context around it.
    pub context: Rect,
    /// What is kept: the box with its padding, inside `context`.
    pub output: Rect,
}

impl CropPlan {
    /// `output` seen from the corner of `context`.
    pub fn output_in_context(&self) -> Rect {
        Rect { x: self.output.x - self.context.x, y: self.output.y - self.context.y, ..self.output }
    }
}

/// Plans the cut-out of a person.
///
/// The kept part is the box grown by `padding` pixels. A network that sees only the box cannot
/// tell the person from what the box cuts off, so it sees a quarter of the box's longer side more,
/// or the padding where that is larger. Both end at the photo's border.
///
/// `None` if the box has no pixel inside the photo.
pub fn crop_plan(photo: (u32, u32), person: Rect, padding: u32) -> Option<CropPlan> {
    let context = (CONTEXT * person.width.max(person.height) as f32).round() as u32;
    Some(CropPlan {
        context: grow(photo, person, padding.max(context))?,
        output: grow(photo, person, padding)?,
    })
}

/// The box with `margin` pixels on each side, cut at the photo's border.
pub(super) fn grow((width, height): (u32, u32), rect: Rect, margin: u32) -> Option<Rect> {
    let side = |start: u32, length: u32, limit: u32| {
        if length == 0 || start >= limit {
            return None;
        }
        let from = start.saturating_sub(margin);
        let to = start.saturating_add(length).saturating_add(margin).min(limit);
        Some((from, to - from))
    };
    let (x, width) = side(rect.x, rect.width, width)?;
    let (y, height) = side(rect.y, rect.height, height)?;
    Some(Rect { x, y, width, height })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rect(x: u32, y: u32, width: u32, height: u32) -> Rect {
        Rect { x, y, width, height }
    }

    #[test]
    fn the_context_holds_the_output() {
        let plan = crop_plan((1000, 800), rect(300, 200, 200, 400), 20).unwrap();
        assert_eq!(plan.output, rect(280, 180, 240, 440));
        assert_eq!(plan.context, rect(200, 100, 400, 600));
        assert_eq!(plan.output_in_context(), rect(80, 80, 240, 440));
    }

    #[test]
    fn a_padding_above_the_context_grows_it() {
        let plan = crop_plan((1000, 800), rect(300, 200, 40, 40), 50).unwrap();
        assert_eq!(plan.context, plan.output);
    }

    #[test]
    fn everything_ends_at_the_border() {
        let plan = crop_plan((100, 80), rect(0, 10, 90, 200), 20).unwrap();
        assert_eq!(plan.output, rect(0, 0, 100, 80));
        assert_eq!(plan.context, rect(0, 0, 100, 80));
        let huge = crop_plan((100, 80), rect(50, 40, u32::MAX, u32::MAX), u32::MAX).unwrap();
        assert_eq!(huge.output, rect(0, 0, 100, 80));
    }

    #[test]
    fn a_box_outside_the_photo_has_no_plan() {
        assert_eq!(crop_plan((100, 80), rect(100, 0, 10, 10), 20), None);
        assert_eq!(crop_plan((100, 80), rect(10, 10, 0, 10), 20), None);
    }
}
