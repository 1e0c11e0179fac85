//! Pre- and post-processing against Pillow and OpenCV, and whole cut-outs with drawn mattes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use image::math::Rect;
use image::{GrayImage, Luma, Rgb, RgbImage};
use portrait_segmentation::{
    CropPlan, CutOutOptions, IMAGENET_MEAN, IMAGENET_STD, Matte, RefineOptions, crop_photo,
    crop_plan, finish_cut_out, preprocess, refine_foreground, stretch, to_gray,
};
use std::path::Path;

/// The picture of `fixtures/README.md`.
fn picture(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        Rgb([x * 7 + y * 3, x * x + 5 * y, x * y].map(|value| (value % 256) as u8))
    })
}

/// The matte of `fixtures/README.md`.
fn matte(width: u32, height: u32) -> Matte {
    Matte::from_fn(width, height, |x, y| {
        let (dx, dy) =
            (f64::from(x) - 0.45 * f64::from(width), f64::from(y) - 0.55 * f64::from(height));
        let distance = dx.hypot(dy) / (0.4 * f64::from(width.min(height)));
        let level = (((1.2 - distance) / 0.4).clamp(0.0, 1.0) * 255.0) as u8;
        Luma([f32::from(level) / 255.0])
    })
}

fn fixture(name: &str) -> RgbImage {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    image::open(folder.join(name)).unwrap().to_rgb8()
}

fn largest_difference(a: &RgbImage, b: &RgbImage) -> u8 {
    assert_eq!(a.dimensions(), b.dimensions());
    a.as_raw().iter().zip(b.as_raw()).map(|(a, b)| a.abs_diff(*b)).max().unwrap()
}

#[test]
fn stretch_is_pillows_bilinear_within_one_level() {
    for ((w, h), (to_w, to_h)) in [((90, 70), (32, 64)), ((40, 30), (96, 64)), ((33, 47), (64, 32))]
    {
        let got = stretch(&picture(w, h), to_w, to_h).unwrap();
        let want = fixture(&format!("stretch_{w}x{h}_{to_w}x{to_h}.png"));
        assert!(largest_difference(&got, &want) <= 1);
    }
}

#[test]
fn refine_is_opencvs_blur_fusion() {
    for (w, h) in [(150, 110), (61, 47)] {
        let got = refine_foreground(&picture(w, h), &matte(w, h), RefineOptions::default());
        let want = fixture(&format!("refine_{w}x{h}.png"));
        assert!(largest_difference(&got.unwrap(), &want) <= 1, "{w}x{h}");
    }
}

#[test]
fn the_input_is_normalised_by_channel() {
    let image = RgbImage::from_pixel(64, 32, Rgb([0, 128, 255]));
    let input = preprocess(&[image.clone(), image], [32, 64], &candle_core::Device::Cpu).unwrap();
    assert_eq!(input.dims(), [2, 3, 64, 32]);
    let values: Vec<f32> = input.flatten_all().unwrap().to_vec1().unwrap();
    for (index, chunk) in values.chunks(64 * 32).enumerate() {
        let channel = index % 3;
        let level = [0.0, 128.0 / 255.0, 1.0][channel];
        let want = (level - IMAGENET_MEAN[channel]) / IMAGENET_STD[channel];
        assert!(chunk.iter().all(|&value| value == want), "channel {channel}");
    }
    assert!(preprocess(&[], [32, 32], &candle_core::Device::Cpu).is_err());
    assert!(preprocess(&[RgbImage::new(0, 5)], [32, 32], &candle_core::Device::Cpu).is_err());
}

/// Two people side by side whose boxes overlap; green background.
struct Scene {
    photo: RgbImage,
    matte: Matte,
    people: [Rect; 2],
}

fn scene() -> Scene {
    let people = [
        Rect { x: 60, y: 40, width: 100, height: 180 },
        Rect { x: 130, y: 30, width: 110, height: 190 },
    ];
    let body = |person: Rect, x: u32, y: u32| {
        let centre = [person.x + person.width / 2, person.y + person.height / 2];
        let (dx, dy) = (f64::from(x) - f64::from(centre[0]), f64::from(y) - f64::from(centre[1]));
        let radius =
            (dx / f64::from(person.width) * 2.0).hypot(dy / f64::from(person.height) * 2.0);
        (0.98 - radius).clamp(0.0, 0.1) * 10.0
    };
    let colours = [[200.0, 30.0, 30.0], [30.0, 30.0, 200.0]];
    let mut matte = Matte::new(300, 240);
    let photo = RgbImage::from_fn(300, 240, |x, y| {
        let mut colour = [20.0, 180.0, 20.0];
        let mut alpha = 0f64;
        for (person, paint) in people.into_iter().zip(colours) {
            let over = body(person, x, y);
            for channel in 0..3 {
                colour[channel] = colour[channel] * (1.0 - over) + paint[channel] * over;
            }
            alpha = alpha.max(over);
        }
        matte.put_pixel(x, y, Luma([alpha as f32]));
        Rgb(colour.map(|value| value.round() as u8))
    });
    Scene { photo, matte, people }
}

fn cut(scene: &Scene, index: usize, options: &CutOutOptions) -> portrait_segmentation::CutOut {
    let [person, other] = [scene.people[index], scene.people[1 - index]];
    let plan = crop_plan(scene.photo.dimensions(), person, options.padding).unwrap();
    let crop = crop_photo(&scene.photo, plan.context);
    let matte = portrait_segmentation::crop_matte(&scene.matte, plan.context);
    finish_cut_out(&crop, matte, &plan, person, &[other], options).unwrap()
}

fn inside(rect: Rect, x: u32, y: u32) -> bool {
    (rect.x..rect.x + rect.width).contains(&x) && (rect.y..rect.y + rect.height).contains(&y)
}

#[test]
fn a_neighbour_leaves_no_pixel_outside_the_shared_region() {
    let scene = scene();
    for index in 0..2 {
        let cut_out = cut(&scene, index, &CutOutOptions::default());
        let mut opaque = 0;
        for (x, y, pixel) in cut_out.image.enumerate_pixels() {
            let (x, y) = (x + cut_out.rect.x, y + cut_out.rect.y);
            let (own, other) = (scene.people[index], scene.people[1 - index]);
            if inside(other, x, y) && !inside(own, x, y) {
                assert_eq!(pixel.0, [0; 4], "the other's pixel at {x},{y}");
            }
            opaque += u32::from(pixel.0[3] == 255);
        }
        let area = scene.people[index].width * scene.people[index].height;
        assert!(opaque > area / 2, "the person itself stays");
    }
}

#[test]
fn the_edge_has_no_fringe_of_the_background() {
    let scene = scene();
    // The leftmost person's left edge: red on green, far from the neighbour.
    let greenest = |refine| {
        let cut_out = cut(&scene, 0, &CutOutOptions { refine, ..Default::default() });
        let edge = cut_out
            .image
            .enumerate_pixels()
            .filter(|(x, _, pixel)| x + cut_out.rect.x < 100 && (20..235).contains(&pixel.0[3]));
        edge.map(|(.., pixel)| pixel.0[1]).max().unwrap()
    };
    assert!(greenest(None) > 120, "without refinement the edge is green");
    assert!(greenest(Some(RefineOptions::default())) < 60, "refined, it is not");
}

#[test]
fn feather_softens_the_edge_and_keeps_the_body() {
    let scene = scene();
    let sharp = cut(&scene, 0, &CutOutOptions::default());
    let soft = cut(&scene, 0, &CutOutOptions { feather: 6, ..Default::default() });
    assert_eq!(sharp.rect, soft.rect);
    let centre = |cut_out: &portrait_segmentation::CutOut| {
        cut_out.image.get_pixel(110 - cut_out.rect.x, 130 - cut_out.rect.y).0
    };
    assert_eq!(centre(&soft), centre(&sharp));
    assert_eq!(centre(&soft)[3], 255);
    let partial = |cut_out: &portrait_segmentation::CutOut| {
        cut_out.image.pixels().filter(|pixel| (1..255).contains(&pixel.0[3])).count()
    };
    assert!(partial(&soft) > 2 * partial(&sharp));
}

#[test]
fn an_empty_matte_gives_an_empty_cut_out() {
    let photo = picture(120, 100);
    let person = Rect { x: 20, y: 20, width: 60, height: 60 };
    let plan: CropPlan = crop_plan(photo.dimensions(), person, 20).unwrap();
    let crop = crop_photo(&photo, plan.context);
    let matte = Matte::new(crop.width(), crop.height());
    let options = CutOutOptions::default();
    let cut_out = finish_cut_out(&crop, matte, &plan, person, &[], &options).unwrap();
    assert!(cut_out.image.pixels().all(|pixel| pixel.0 == [0; 4]));
    assert_eq!(cut_out.coverage(), 0.0);
    let gray: GrayImage = to_gray(&cut_out.matte);
    assert!(gray.iter().all(|&level| level == 0));
}
