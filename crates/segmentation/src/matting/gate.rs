//! Keeping the neighbours out of a cut-out.

use super::matte::Matte;
use image::math::Rect;

/// Clears what belongs to others: every pixel inside a box of `others` and outside the box of the
/// person becomes 0. Where boxes overlap, the matte stays: the boxes do not tell whose it is.
///
/// Then clears what is left of the others outside their boxes (a hand, a shoe): parts of the
/// matte that touch a cleared pixel and are not connected with the person's box.
///
/// All boxes are in pixels of the matte. Without others nothing changes.
pub fn gate(matte: &mut Matte, person: Rect, others: &[Rect]) {
    let mut cleared = false;
    for other in others {
        for y in span(other.y, other.height, matte.height()) {
            for x in span(other.x, other.width, matte.width()) {
                if !contains(person, x, y) {
                    matte.get_pixel_mut(x, y).0[0] = 0.0;
                    cleared = true;
                }
            }
        }
    }
    if cleared {
        clear_loose_parts(matte, person);
    }
}

fn contains(rect: Rect, x: u32, y: u32) -> bool {
    let inside = |value: u32, start: u32, length: u32| {
        value.checked_sub(start).is_some_and(|offset| offset < length)
    };
    inside(x, rect.x, rect.width) && inside(y, rect.y, rect.height)
}

fn span(start: u32, length: u32, limit: u32) -> std::ops::Range<u32> {
    start.min(limit)..start.saturating_add(length).min(limit)
}

/// Keeps the pixels connected (by sides) with a pixel inside the person's box.
fn clear_loose_parts(matte: &mut Matte, person: Rect) {
    /// Below one level of 255 a pixel is background and connects nothing.
    const VISIBLE: f32 = 0.5 / 255.0;
    let (width, height) = matte.dimensions();
    let index = |x: u32, y: u32| y as usize * width as usize + x as usize;
    let mut kept = vec![false; width as usize * height as usize];
    let mut stack = Vec::new();
    for y in span(person.y, person.height, height) {
        for x in span(person.x, person.width, width) {
            kept[index(x, y)] = true;
            stack.push((x, y));
        }
    }
    while let Some((x, y)) = stack.pop() {
        let neighbours = [(x.wrapping_sub(1), y), (x + 1, y), (x, y.wrapping_sub(1)), (x, y + 1)];
        for (x, y) in neighbours {
            if x < width && y < height && !kept[index(x, y)] && matte.get_pixel(x, y).0[0] > VISIBLE
            {
                kept[index(x, y)] = true;
                stack.push((x, y));
            }
        }
    }
    for (value, kept) in matte.iter_mut().zip(kept) {
        if !kept {
            *value = 0.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Luma;

    fn rect(x: u32, y: u32, width: u32, height: u32) -> Rect {
        Rect { x, y, width, height }
    }

    fn matte(paint: impl Fn(u32, u32) -> bool) -> Matte {
        Matte::from_fn(100, 60, |x, y| Luma([if paint(x, y) { 1.0 } else { 0.0 }]))
    }

    #[test]
    fn a_neighbour_stays_only_in_the_shared_region() {
        let (left, right) = (rect(10, 10, 45, 40), rect(45, 10, 45, 40));
        let both = matte(|x, y| contains(left, x, y) || contains(right, x, y));
        let mut gated = both.clone();
        gate(&mut gated, left, &[right]);
        for (x, y, pixel) in gated.enumerate_pixels() {
            let want = if contains(left, x, y) { 1.0 } else { 0.0 };
            assert_eq!(pixel.0[0], want, "{x},{y}");
        }
    }

    #[test]
    fn what_sticks_out_of_a_neighbours_box_goes_too() {
        let (left, right) = (rect(10, 10, 30, 40), rect(50, 10, 40, 40));
        // The neighbour's foot lies below its box; the person's hair above the person's box.
        let mut gated = matte(|x, y| {
            contains(left, x, y)
                || contains(right, x, y)
                || contains(rect(60, 50, 10, 6), x, y)
                || contains(rect(20, 4, 6, 6), x, y)
        });
        gate(&mut gated, left, &[right]);
        assert_eq!(gated.get_pixel(65, 53).0[0], 0.0);
        assert_eq!(gated.get_pixel(22, 5).0[0], 1.0);
    }

    #[test]
    fn a_person_alone_keeps_everything() {
        let before = matte(|x, y| (x / 7 + y / 5) % 2 == 0);
        let mut after = before.clone();
        gate(&mut after, rect(20, 20, 20, 20), &[]);
        assert_eq!(after, before);
    }

    #[test]
    fn boxes_beyond_the_matte_are_cut() {
        let mut gated = matte(|_, _| true);
        gate(&mut gated, rect(0, 0, 50, 60), &[rect(90, 0, u32::MAX, u32::MAX)]);
        assert_eq!(gated.get_pixel(95, 59).0[0], 0.0);
        assert_eq!(gated.get_pixel(70, 30).0[0], 1.0);
    }
}
