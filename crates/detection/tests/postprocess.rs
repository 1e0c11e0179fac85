//! Candidates and suppression against plain definitions.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use portrait_detection::{
    BoundingBox, Candidate, Error, NmsOptions, candidates, non_maximum_suppression,
};

/// Reproducible numbers in [0, 1).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1u64 << 24) as f32
    }

    fn up_to(&mut self, end: usize) -> usize {
        (self.next() * end as f32) as usize
    }

    /// Boxes in a field of 60 pixels; few different confidences, so that there are ties.
    fn candidates(&mut self, count: usize, classes: usize) -> Vec<Candidate> {
        let mut candidate = || {
            let (x1, y1) = (self.next() * 50.0, self.next() * 50.0);
            let (width, height) = (self.next() * 25.0, self.next() * 25.0);
            Candidate {
                bbox: BoundingBox { x1, y1, x2: x1 + width, y2: y1 + height },
                confidence: (self.up_to(40) + 1) as f32 / 40.0,
                class: self.up_to(classes),
            }
        };
        (0..count).map(|_| candidate()).collect()
    }
}

/// The form in which torchvision states the algorithm: each kept box marks all later ones.
fn naive(candidates: &[Candidate], options: &NmsOptions) -> Vec<usize> {
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by(|&a, &b| {
        let by_score = candidates[b].confidence.partial_cmp(&candidates[a].confidence).unwrap();
        by_score.then(a.cmp(&b))
    });
    order.truncate(options.max_candidates);
    let area = |b: &BoundingBox| f64::from(b.x2 - b.x1) * f64::from(b.y2 - b.y1);
    let mut suppressed = vec![false; order.len()];
    let mut kept = vec![];
    for i in 0..order.len() {
        if suppressed[i] {
            continue;
        }
        kept.push(order[i]);
        let a = &candidates[order[i]];
        for j in i + 1..order.len() {
            let b = &candidates[order[j]];
            let w = f64::from(a.bbox.x2.min(b.bbox.x2) - a.bbox.x1.max(b.bbox.x1)).max(0.0);
            let h = f64::from(a.bbox.y2.min(b.bbox.y2) - a.bbox.y1.max(b.bbox.y1)).max(0.0);
            let overlap = w * h / (area(&a.bbox) + area(&b.bbox) - w * h);
            if (options.class_agnostic || a.class == b.class) && overlap > f64::from(options.iou) {
                suppressed[j] = true;
            }
        }
    }
    kept.truncate(options.max_detections);
    kept
}

#[test]
fn suppression_equals_its_definition() {
    let mut numbers = Numbers(1);
    for round in 0..400 {
        let (count, classes) = (numbers.up_to(120), 1 + numbers.up_to(4));
        let all = numbers.candidates(count, classes);
        let options = NmsOptions {
            iou: numbers.next(),
            class_agnostic: round % 3 == 0,
            max_candidates: if round % 5 == 0 { 30 } else { 30_000 },
            max_detections: if round % 4 == 0 { 7 } else { 300 },
        };
        let kept = non_maximum_suppression(&all, &options);
        assert_eq!(kept, naive(&all, &options), "round {round}: {options:?}");
    }
}

#[test]
fn what_is_kept_and_what_is_dropped() {
    let mut numbers = Numbers(2);
    for _ in 0..100 {
        let all = numbers.candidates(80, 3);
        let options = NmsOptions { iou: 0.3 + numbers.next() / 2.0, ..Default::default() };
        let kept = non_maximum_suppression(&all, &options);
        assert!(kept.is_sorted_by(|&a, &b| {
            let (a, b) = ((all[a].confidence, b), (all[b].confidence, a));
            a.0 > b.0 || (a.0 == b.0 && a.1 > b.1)
        }));
        let conflict = |a: usize, b: usize| {
            all[a].class == all[b].class && all[a].bbox.iou(&all[b].bbox) > options.iou
        };
        for index in 0..all.len() {
            let conflicts: Vec<usize> =
                kept.iter().copied().filter(|&k| k != index && conflict(k, index)).collect();
            if kept.contains(&index) {
                assert!(conflicts.is_empty(), "two kept boxes overlap");
            } else {
                let better = |&k: &usize| all[k].confidence >= all[index].confidence;
                assert!(conflicts.iter().any(better), "dropped without a better box over it");
            }
        }
    }
}

#[test]
fn the_order_of_distinct_candidates_does_not_matter() {
    let mut numbers = Numbers(3);
    let mut all = numbers.candidates(60, 2);
    for (index, candidate) in all.iter_mut().enumerate() {
        candidate.confidence = ((index * 37) % 61) as f32 / 61.0;
    }
    let take = |all: &[Candidate]| -> Vec<Candidate> {
        let kept = non_maximum_suppression(all, &NmsOptions { iou: 0.4, ..Default::default() });
        kept.into_iter().map(|index| all[index]).collect()
    };
    let want = take(&all);
    all.reverse();
    assert_eq!(take(&all), want);
}

#[test]
fn equal_overlap_stays_and_boxes_without_area_never_conflict() {
    let candidate = |x1, y1, x2, y2, confidence| Candidate {
        bbox: BoundingBox { x1, y1, x2, y2 },
        confidence,
        class: 0,
    };
    // Half of the union, exactly.
    let all = [candidate(0.0, 0.0, 4.0, 4.0, 0.9), candidate(0.0, 0.0, 4.0, 2.0, 0.8)];
    let keep = |iou| non_maximum_suppression(&all, &NmsOptions { iou, ..Default::default() });
    assert_eq!(keep(0.5), [0, 1]);
    assert_eq!(keep(0.499), [0]);
    let points = [candidate(1.0, 1.0, 1.0, 1.0, 0.5); 3];
    assert_eq!(non_maximum_suppression(&points, &NmsOptions::default()), [0, 1, 2]);
    // With a pixel added to each side these two would overlap by 64 %.
    let close = [candidate(0.0, 0.0, 4.0, 4.0, 0.9), candidate(1.0, 0.0, 5.0, 4.0, 0.8)];
    let options = NmsOptions { iou: 0.62, ..Default::default() };
    assert_eq!(non_maximum_suppression(&close, &options), [0, 1]);
    assert!(non_maximum_suppression(&[], &options).is_empty());
}

/// Two anchors and three classes.
const OUTPUT: [f32; 14] = [
    10.0, 20.0, // centre x
    30.0, 40.0, // centre y
    4.0, 5.0, // width
    6.0, 8.0, // height
    0.5, 0.1, // class 0
    0.5, 0.2, // class 1
    0.3, 0.7, // class 2
];

#[test]
fn candidates_are_corners_and_the_first_best_class() {
    let all = candidates(&OUTPUT, 3, 0.25, None).unwrap();
    let want = [
        Candidate {
            bbox: BoundingBox { x1: 8.0, y1: 27.0, x2: 12.0, y2: 33.0 },
            confidence: 0.5,
            class: 0,
        },
        Candidate {
            bbox: BoundingBox { x1: 17.5, y1: 36.0, x2: 22.5, y2: 44.0 },
            confidence: 0.7,
            class: 2,
        },
    ];
    assert_eq!(all, want);
}

#[test]
fn the_threshold_is_exclusive_and_classes_are_filtered_after_the_choice() {
    let count = |confidence, wanted| candidates(&OUTPUT, 3, confidence, wanted).unwrap().len();
    assert_eq!(count(0.5, None), 1);
    assert_eq!(count(0.499, None), 2);
    assert_eq!(count(0.7, None), 0);
    assert_eq!(count(0.0, Some(&[0][..])), 1);
    assert_eq!(count(0.0, Some(&[2, 0])), 2);
    // Class 1 is likely enough at both anchors, but never the best.
    assert_eq!(count(0.0, Some(&[1])), 0);
}

#[test]
fn outputs_of_another_shape_are_refused() {
    for (length, classes) in [(13, 3), (14, 0), (14, 4)] {
        let error = candidates(&vec![0.0; length], classes, 0.25, None).unwrap_err();
        assert!(matches!(error, Error::InvalidOutput { .. }), "{error}");
    }
    assert!(candidates(&[], 3, 0.25, None).unwrap().is_empty());
}
