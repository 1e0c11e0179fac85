use super::*;
use crate::activation::Activation;
use crate::cpu::isa::Isa;
use crate::cpu::view::View;
use half::f16;
use std::ops::Range;

/// Values that a small generator makes, of no pattern.
fn values(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32 - 0.5
    };
    (0..count).map(|_| next()).collect()
}

fn dense(values: &[f32], width: usize) -> Dense<'_> {
    Dense::new(View::dense(values, width))
}

/// All vector instructions, and a matrix unit that rounds, with the error that a product may have.
fn all() -> Vec<(Isa, f64)> {
    let exact = Isa::available().into_iter().map(|isa| (isa, 1e-5));
    exact.chain([(Isa::detect().rounded(), 5e-5)]).collect()
}

#[test]
fn products_of_all_sizes_equal_the_naive_ones() {
    for (isa, limit) in all() {
        for (rows, k, n) in [
            (1, 1, 1),
            (3, 5, 7),
            (23, 16, 15),
            (24, 9, 16),
            (14, 33, 32),
            (15, 64, 33),
            (200, 48, 48),
            (337, 20, 96),
            (170, 7, 130),
            // Longer than a piece of the sums, more than 16 columns of the last panel and fewer.
            (300, 200, 115),
            (40, 130, 67),
        ] {
            let (a, b) = (values(rows * k, 1), values(k * n, 2));
            let (bias, residual) = (values(n, 3), values(rows * n, 4));
            let matrix = Packed::new([k, n], Some(&bias), isa, |i, j| b[i * n + j]);
            let mut out = vec![f32::NAN; rows * n];
            let epilogue = Epilogue {
                activation: Activation::Relu,
                residual: Residual::After(View::dense(&residual, n)),
            };
            multiply(&dense(&a, k), &matrix, epilogue, Output::whole(&mut out, n));
            for row in 0..rows {
                for j in 0..n {
                    let sum: f64 =
                        (0..k).map(|i| f64::from(a[row * k + i]) * f64::from(b[i * n + j])).sum();
                    let expected =
                        (sum + f64::from(bias[j])).max(0.0) + f64::from(residual[row * n + j]);
                    let found = f64::from(out[row * n + j]);
                    let close = (found - expected).abs() < limit;
                    assert!(close, "{} {rows}x{k}x{n} at {row}, {j}", isa.name());
                }
            }
        }
    }
}

/// Such as most checkpoints hold: a matrix unit needs less of them.
#[test]
fn products_with_values_of_half_precision_are_as_good() {
    let (rows, k, n) = (70, 100, 90);
    let short = |value: f32| f16::from_f32(value).to_f32();
    let (a, b) = (values(rows * k, 1), values(k * n, 2));
    let b: Vec<f32> = b.into_iter().map(short).collect();
    for isa in Isa::available() {
        let matrix = Packed::new([k, n], None, isa, |i, j| b[i * n + j]);
        let out = product(&dense(&a, k), &matrix, Epilogue::default());
        for (row, found) in out.chunks_exact(n).enumerate() {
            for (j, &found) in found.iter().enumerate() {
                let terms = (0..k).map(|i| f64::from(a[row * k + i]) * f64::from(b[i * n + j]));
                let error = (f64::from(found) - terms.sum::<f64>()).abs();
                assert!(error < 1e-5, "{} at {row}, {j}: {error:e}", isa.name());
            }
        }
    }
}

/// What is off is 16 bits below the factors, not more, and also not nothing.
#[test]
fn a_matrix_unit_that_rounds_keeps_sixteen_bits() {
    let isa = Isa::detect().rounded();
    let (rows, k, n) = (64, 96, 80);
    let (a, b) = (values(rows * k, 1), values(k * n, 2));
    let of = |isa| {
        let matrix = Packed::new([k, n], None, isa, |i, j| b[i * n + j]);
        product(&dense(&a, k), &matrix, Epilogue::default())
    };
    let (exact, found) = (of(Isa::detect()), of(isa));
    for (index, (exact, found)) in exact.iter().zip(&found).enumerate() {
        let (row, j) = (index / n, index % n);
        let size: f32 = (0..k).map(|i| (a[row * k + i] * b[i * n + j]).abs()).sum();
        assert!((exact - found).abs() <= size / 65_536.0, "{} at {row}, {j}", isa.name());
    }
    assert_eq!(exact != found, isa.rounds(), "{}", isa.name());
}

/// All that multiply bytes on this processor.
#[allow(clippy::print_stderr, reason = "what is skipped is told")]
fn of_bytes() -> Vec<Isa> {
    let all = Isa::available().into_iter().map(Isa::in_bytes);
    let found: Vec<_> = all.filter(|isa| isa.byte_unit().is_some()).collect();
    if found.is_empty() {
        eprintln!("skipped: this processor has no products of bytes");
    }
    found
}

/// Whole numbers that fill the range of a byte are bytes as they are, and their sums are whole.
#[test]
fn products_of_bytes_are_exact() {
    for isa in of_bytes() {
        for (rows, k, n) in
            [(1, 32, 17), (35, 63, 32), (64, 64, 33), (301, 200, 115), (32, 4000, 40)]
        {
            let lowest = |row: usize| (row % 3 * 50) as f32;
            let whole = |value: f32, steps: f32| ((value + 0.5) * steps).round();
            let mut a: Vec<f32> = values(rows * k, 1).iter().map(|v| whole(*v, 254.0)).collect();
            for (row, a) in a.chunks_exact_mut(k).enumerate() {
                (a[0], a[k - 1]) = (0.0, 254.0);
                a.iter_mut().for_each(|value| *value -= lowest(row));
            }
            let mut b: Vec<f32> =
                values(k * n, 2).iter().map(|v| whole(*v, 254.0) - 127.0).collect();
            b[..n].fill(-127.0);
            let matrix = Packed::new([k, n], None, isa, |i, j| b[i * n + j]);
            let out = product(&dense(&a, k), &matrix, Epilogue::default());
            for (index, found) in out.iter().enumerate() {
                let (row, j) = (index / n, index % n);
                let exact: f64 =
                    (0..k).map(|i| f64::from(a[row * k + i]) * f64::from(b[i * n + j])).sum();
                let close = (f64::from(*found) - exact).abs() <= 1e-6 * exact.abs();
                assert!(close, "{} {rows}x{k}x{n} at {row}, {j}: {found}, not {exact}", isa.name());
            }
        }
    }
}

/// Half a step of each factor is all that is off.
#[test]
fn products_of_bytes_are_off_by_their_rounding() {
    let (rows, k, n) = (75, 150, 60);
    let (a, b, bias) = (values(rows * k, 1), values(k * n, 2), values(n, 3));
    for isa in of_bytes() {
        let relu = Epilogue { activation: Activation::Relu, ..Default::default() };
        let matrix = Packed::new([k, n], Some(&bias), isa, |i, j| b[i * n + j]);
        let out = product(&dense(&a, k), &matrix, relu);
        for (index, found) in out.iter().enumerate() {
            let (row, j) = (index / n, index % n);
            let a = &a[row * k..][..k];
            let (low, high) = a.iter().fold((0f32, 0f32), |(l, h), v| (l.min(*v), h.max(*v)));
            let steep = (0..k).fold(0f32, |largest, i| largest.max(b[i * n + j].abs()));
            let (step, weight_step) = ((high - low) / 254.0, steep / 127.0);
            let (mut exact, mut limit) = (bias[j], 1e-4);
            for (i, a) in a.iter().enumerate() {
                exact += a * b[i * n + j];
                limit += 0.51 * (step * (b[i * n + j].abs() + weight_step) + weight_step * a.abs());
            }
            assert!((found - exact.max(0.0)).abs() <= limit, "{} at {row}, {j}", isa.name());
        }
    }
}

#[test]
fn bytes_of_nothing_and_nonsense_stay_what_they_are() {
    for isa in of_bytes() {
        let (k, n) = (64, 40);
        let firsts = [0.0, 1e-41, f32::NAN, f32::INFINITY, -3.0];
        let rows = firsts.map(|value| (0..k).map(move |i| if i == 0 { value } else { 0.0 }));
        let a: Vec<f32> = rows.into_iter().flatten().collect();
        let matrix =
            Packed::new([k, n], None, isa, |i, j| if j == 1 { 0.0 } else { 1.0 + i as f32 });
        let out = product(&dense(&a, k), &matrix, Epilogue::default());
        let of = |row: usize| &out[row * n..][..n];
        assert!(of(0).iter().all(|value| *value == 0.0), "{}", isa.name());
        assert!(of(1).iter().all(|value| value.abs() < 1e-40), "{}", isa.name());
        assert!([of(2), of(3)].concat().iter().all(|value| value.is_nan()), "{}", isa.name());
        assert!((of(4)[0] + 3.0).abs() < 0.8 && of(4)[1] == 0.0, "{}: {:?}", isa.name(), of(4));
    }
}

/// Numbers that a matrix unit has to be careful with: what is too small for parts, and what is no
/// number.
#[test]
fn tiny_values_and_nonsense_stay_what_they_are() {
    for (isa, _) in all() {
        let (k, n) = (64, 96);
        let row = |value: f32| (0..k).map(move |i| if i == 0 { value } else { 0.0 });
        let rows = [1e-30, -3e-36, f32::NAN, 1e37].map(row);
        let a: Vec<f32> = rows.into_iter().flatten().collect();
        let matrix = Packed::new([k, n], None, isa, |_, _| 1.0);
        let out = product(&dense(&a, k), &matrix, Epilogue::default());
        let near = |row: usize, value: f32| {
            let found = out[row * n];
            assert!((found / value - 1.0).abs() < 4e-3, "{}: {found:e}", isa.name());
        };
        near(0, 1e-30);
        near(1, -3e-36);
        near(3, 1e37);
        assert!(out[2 * n].is_nan(), "{}", isa.name());
    }
}

#[test]
fn nothing_times_something_is_nothing() {
    let matrix = Packed::new([4, 3], None, Isa::detect(), |_, _| 1.0);
    multiply(&dense(&[], 4), &matrix, Epilogue::default(), Output::whole(&mut [], 3));
}

#[test]
fn a_product_of_a_product_needs_no_whole_one() {
    for isa in Isa::available() {
        let (rows, k, hidden, n) = (531, 19, 37, 21);
        let (a, b, c) = (values(rows * k, 1), values(k * hidden, 2), values(hidden * n, 3));
        let bias = values(hidden, 4);
        let first = Packed::new([k, hidden], Some(&bias), isa, |i, j| b[i * hidden + j]);
        let second = Packed::new([hidden, n], None, isa, |i, j| c[i * n + j]);
        let gelu = Epilogue { activation: Activation::Gelu, residual: Residual::None };
        let mut between = vec![f32::NAN; rows * hidden];
        multiply(&dense(&a, k), &first, gelu, Output::whole(&mut between, hidden));
        // Into the middle columns of a wider output.
        let relu = Epilogue { activation: Activation::Relu, residual: Residual::None };
        let mut expected = vec![f32::NAN; rows * n];
        multiply(&dense(&between, hidden), &second, relu, Output::whole(&mut expected, n));
        let wide = n + 9;
        let mut out = vec![f32::NAN; rows * wide];
        let rows_of_a = dense(&a, k);
        let chained = Chained { operand: &rows_of_a, matrix: &first, epilogue: gelu };
        multiply(&chained, &second, relu, Output::columns(&mut out, wide, 4));
        for (row, expected) in out.chunks_exact(wide).zip(expected.chunks_exact(n)) {
            assert_eq!(&row[4..4 + n], expected);
            assert!(row[..4].iter().chain(&row[4 + n..]).all(|value| value.is_nan()));
        }
    }
}

#[test]
fn computed_rows_are_as_good_as_those_in_memory() {
    let (rows, k, n) = (700, 3000, 5);
    let (a, b) = (values(rows * k, 1), values(k * n, 2));
    let matrix = Packed::new([k, n], None, Isa::detect(), |i, j| b[i * n + j]);
    let run = |operand: &dyn Fn(&mut [f32])| {
        let mut out = vec![f32::NAN; rows * n];
        operand(&mut out);
        out
    };
    let in_memory = run(&|out| {
        multiply(&dense(&a, k), &matrix, Epilogue::default(), Output::whole(out, n));
    });
    let fill = |rows: Range<usize>, to: &mut [f32]| {
        to.copy_from_slice(&a[rows.start * k..rows.end * k]);
    };
    let computed = run(&|out| {
        let operand = Computed::new(rows, k, fill);
        multiply(&operand, &matrix, Epilogue::default(), Output::whole(out, n));
    });
    assert_eq!(in_memory, computed);
}
