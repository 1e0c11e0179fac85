//! The metrics equal other implementations on synthetic pictures.
//!
//! The expected numbers were printed by `tests/reference/make.py` (its head has the commands),
//! which makes the same pictures by the same integer formulas.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]
#![allow(clippy::print_stdout, reason = "a test tells its measurements")]

mod synthetic;

use portrait_evaluation::{AveragePrecision, MattePair, MatteScores};

use self::synthetic::{matte_cases, pictures};

/// S-measure and weighted F-measure by PySODMetrics 1.6.2: `make.py salient`.
const SALIENT: [(&str, [f64; 2]); 18] = [
    ("soft edge", [0.952437182173, 0.925268724407]),
    ("shifted", [0.761258599123, 0.732807872788]),
    ("ramp, wide", [0.437691069864, 0.238038969440]),
    ("disc and noise, tall", [0.803451194771, 0.536027968291]),
    ("noise", [0.313992970377, 0.340206943309]),
    ("noise on noise", [0.334419848567, 0.594839837492]),
    ("empty truth", [0.516611601105, 0.000000000000]),
    ("empty both", [1.000000000000, 0.000000000000]),
    ("full truth", [0.499993009182, 0.733324669526]),
    ("full both", [1.000000000000, 1.000000000000]),
    ("empty matte", [0.370370370370, 0.000000000000]),
    ("inverse", [0.000000000000, 0.000000000000]),
    ("one of two", [0.677495317292, 0.712155634456]),
    ("soft truth", [0.871865745654, 0.807299445888]),
    ("at the edge", [0.825528419849, 0.726064361003]),
    ("faint", [0.424377388872, 0.185742182585]),
    ("one pixel", [0.470287880763, 0.023222843371]),
    ("large", [0.864318842645, 0.729163901641]),
];

/// IoU, MAE and boundary IoU by the training program, in `f32`: `make.py training`.
const TRAINING: [(&str, [f64; 3]); 18] = [
    ("soft edge", [1.000000000, 0.045979649, 1.000000000]),
    ("shifted", [0.613516390, 0.124549523, 0.089201875]),
    ("ramp, wide", [0.332659245, 0.455783516, 0.062937066]),
    ("disc and noise, tall", [0.721311450, 0.176145941, 0.176136360]),
    ("noise", [0.215709969, 0.507689416, 0.040710583]),
    ("noise on noise", [0.327327341, 0.331284225, 0.327769339]),
    ("empty truth", [0.000000000, 0.483388484, 0.000000000]),
    ("empty both", [1.000000000, 0.000000000, 1.000000000]),
    ("full truth", [0.500000000, 0.500006974, 0.000000000]),
    ("full both", [1.000000000, 0.000000000, 1.000000000]),
    ("empty matte", [0.000000000, 0.259259254, 0.000000000]),
    ("inverse", [0.000000000, 1.000000000, 0.000000000]),
    ("one of two", [0.578947365, 0.102366082, 0.541666687]),
    ("soft truth", [0.773279369, 0.092451215, 0.105990782]),
    ("at the edge", [0.922190189, 0.145510316, 0.303167433]),
    ("faint", [0.000000000, 0.363644600, 0.000000000]),
    ("one pixel", [0.014492754, 0.019876413, 0.000000000]),
    ("large", [0.849109232, 0.183470190, 0.241742909]),
];

/// Seed and jitter of the boxes, number of true ones; AP50, and recall and precision at a
/// confidence of 0.25, by the training program: `make.py training`.
const BOXES: [(u32, u32, usize, [f64; 3]); 3] = [
    (11, 9, 38, [0.592600265219, 0.631578947368, 0.615384615385]),
    (12, 25, 56, [0.582371316351, 0.553571428571, 0.620000000000]),
    (13, 41, 53, [0.318431769590, 0.490566037736, 0.426229508197]),
];

/// The largest difference from the expected numbers; fails above `limit`.
fn compare<const N: usize>(
    metrics: [&str; N],
    expected: &[(&str, [f64; N])],
    limit: f64,
    of: impl Fn(&MatteScores) -> [f64; N],
) {
    let cases = matte_cases();
    assert_eq!(cases.len(), expected.len());
    let mut largest = [0.0_f64; N];
    for (case, (name, expected)) in cases.iter().zip(expected) {
        assert_eq!(case.name, *name);
        let pair = MattePair::new(&case.matte, &case.truth, case.width, case.height).unwrap();
        let found = of(&MatteScores::of(&pair));
        for i in 0..N {
            let difference = (found[i] - expected[i]).abs();
            assert!(
                difference <= limit,
                "{} of {name:?} is {}, not {}",
                metrics[i],
                found[i],
                expected[i]
            );
            largest[i] = largest[i].max(difference);
        }
    }
    for (metric, difference) in metrics.iter().zip(largest) {
        println!("golden {metric}: largest difference {difference:.1e}, limit {limit:.0e}");
    }
}

#[test]
fn structure_and_weighted_f_equal_pysodmetrics() {
    compare(["S-measure", "weighted F-measure"], &SALIENT, 1e-10, |scores| {
        [scores.s_measure, scores.weighted_f]
    });
}

#[test]
fn overlaps_and_errors_equal_the_training_programs() {
    compare(["IoU", "MAE", "boundary IoU"], &TRAINING, 1e-6, |scores| {
        [scores.iou, scores.mae, scores.boundary_iou]
    });
}

#[test]
fn average_precision_equals_the_training_programs() {
    for (seed, jitter, truths, expected) in BOXES {
        let mut collected = AveragePrecision::new(0.5).unwrap();
        for (found, truths) in pictures(seed, jitter) {
            collected.add(&found, &truths).unwrap();
        }
        let scores = collected.scores(0.25);
        assert_eq!(scores.truths, truths);
        let found = [scores.average_precision, scores.recall, scores.precision];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-10, "seed {seed}: {scores:?}");
        }
    }
}
