//! What holds for every matte.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]
#![allow(clippy::print_stdout, reason = "a test tells its measurements")]

mod synthetic;

use std::time::Instant;

use portrait_evaluation::{FOREGROUND, MattePair, MatteScores};

use self::synthetic::{Case, Fields, Noise, matte_cases, values};

fn scores(case: &Case) -> MatteScores {
    score(&case.matte, &case.truth, case.width, case.height)
}

fn score(matte: &[f32], truth: &[f32], width: usize, height: usize) -> MatteScores {
    MatteScores::of(&MattePair::new(matte, truth, width, height).unwrap())
}

fn assert_bounded(scores: MatteScores) {
    let MatteScores { iou, mae, boundary_iou, s_measure, weighted_f } = scores;
    for score in [iou, mae, boundary_iou, s_measure, weighted_f] {
        assert!((0.0..=1.0 + 1e-12).contains(&score), "{scores:?}");
    }
}

/// Blocks of noise of many densities and sizes down to one pixel.
fn random_cases() -> Vec<Case> {
    let mut noise = Noise(99);
    let mut case = || {
        let (width, height) = (1 + noise.below(17) as usize, 1 + noise.below(17) as usize);
        let mut field = |density: u32, levels: u32| -> Vec<f32> {
            let value = |_| {
                let inside = noise.below(100) < density;
                let level = noise.below(levels) as f32 / levels as f32 / 2.0;
                if inside { 1.0 - level } else { level }
            };
            (0..width * height).map(value).collect()
        };
        let (matte, truth) = (field(40, 50), field(60, 1));
        Case { name: "random", width, height, matte, truth }
    };
    (0..300).map(|_| case()).collect()
}

#[test]
fn every_score_is_a_number_from_0_to_1() {
    for case in matte_cases().iter().chain(&random_cases()) {
        assert_bounded(scores(case));
    }
}

#[test]
fn the_truth_itself_is_perfect() {
    let mut perfect = 0;
    for case in matte_cases().into_iter().chain(random_cases()) {
        let hard: Vec<f32> =
            case.truth.iter().map(|&v| f32::from(u8::from(v >= FOREGROUND))).collect();
        let found = score(&hard, &hard, case.width, case.height);
        let is_empty = hard.iter().all(|&value| value == 0.0);
        assert_eq!((found.iou, found.mae, found.boundary_iou), (1.0, 0.0, 1.0));
        // The reference's guard against a division by zero weighs on foregrounds of few pixels.
        assert!((found.s_measure - 1.0).abs() < 1e-8, "{} {found:?}", case.name);
        let weighted = if is_empty { 0.0 } else { 1.0 };
        assert!((found.weighted_f - weighted).abs() < 1e-12, "{} {found:?}", case.name);
        perfect += usize::from(!is_empty);
    }
    assert!(perfect > 200);
}

#[test]
fn nothing_and_everything_against_an_empty_truth() {
    let f = Fields { width: 9, height: 7 };
    let (empty, full) = (values(&f.flat(0)), vec![1.0; 63]);
    let against_empty = |matte: &[f32]| score(matte, &empty, 9, 7);
    let expected =
        MatteScores { iou: 1.0, mae: 0.0, boundary_iou: 1.0, s_measure: 1.0, weighted_f: 0.0 };
    assert_eq!(against_empty(&empty), expected);
    let expected =
        MatteScores { iou: 0.0, mae: 1.0, boundary_iou: 1.0, s_measure: 0.0, weighted_f: 0.0 };
    // Neither has an edge inside the picture.
    assert_eq!(against_empty(&full), expected);
}

#[test]
fn scores_fall_with_the_distance_of_a_shift() {
    let f = Fields { width: 96, height: 80 };
    let truth = values(&f.disc(90, 80, 50, 0));
    let mut last: Option<MatteScores> = None;
    for shift in [0, 4, 8, 16, 32] {
        let now = score(&values(&f.disc(90 + shift, 80, 50, 0)), &truth, 96, 80);
        if let Some(last) = last {
            assert!(now.iou < last.iou, "{now:?} after {last:?}");
            assert!(now.boundary_iou < last.boundary_iou, "{now:?} after {last:?}");
            assert!(now.mae > last.mae, "{now:?} after {last:?}");
            assert!(now.s_measure < last.s_measure, "{now:?} after {last:?}");
            assert!(now.weighted_f < last.weighted_f, "{now:?} after {last:?}");
        }
        last = Some(now);
    }
}

#[test]
fn a_million_pixels_are_evaluated_in_one_go() {
    let f = Fields { width: 1024, height: 1024 };
    let truth = values(&f.disc(1000, 1050, 800, 0));
    let noise = f.noise(3);
    let soft = f.disc(1020, 1040, 810, 20);
    let matte: Vec<i64> = soft.iter().zip(&noise).map(|(a, b)| (7 * a + b) / 8).collect();
    let matte = values(&matte);
    let start = Instant::now();
    let scores = score(&matte, &truth, 1024, 1024);
    // Printed, not asserted: machines differ.
    println!("1024x1024 in {:.3} s: {scores:?}", start.elapsed().as_secs_f64());
    assert_bounded(scores);
    assert!(scores.iou > 0.95 && scores.weighted_f > 0.7 && scores.s_measure > 0.85, "{scores:?}");
}
