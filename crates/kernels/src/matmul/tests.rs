use super::*;
use crate::isa::Isa;

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

#[test]
fn products_of_all_sizes_equal_the_naive_ones() {
    for isa in Isa::available() {
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
                    let close = (found - expected).abs() < 1e-5;
                    assert!(close, "{} {rows}x{k}x{n} at {row}, {j}", isa.name());
                }
            }
        }
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
