//! From coefficients to samples: the accurate integer transform of libjpeg (`jidctint.c`), whose
//! results are the same bit for bit.

/// Samples of a block's side.
const SIDE: usize = 8;

/// Transforms a row of blocks, in natural order, into eight rows of samples.
///
/// `plane` begins at the first sample and has `SIDE` rows of as many samples as the blocks give.
#[inline(always)]
pub(super) fn row(coefficients: &[i16], table: &[u16; 64], plane: &mut [u8]) {
    let (blocks, _) = coefficients.as_chunks::<64>();
    let stride = blocks.len() * SIDE;
    let factors: [i32; 64] = std::array::from_fn(|at| i32::from(table[at]));
    for (index, block) in blocks.iter().enumerate() {
        let samples = if block[1..].iter().fold(0, |all, &value| all | value) == 0 {
            let value = (i32::from(block[0]).wrapping_mul(factors[0])).wrapping_add(4) >> 3;
            [[sample(value); SIDE]; SIDE]
        } else {
            transform(block, &factors)
        };
        for (line, samples) in plane.chunks_exact_mut(stride).zip(samples) {
            line[index * SIDE..][..SIDE].copy_from_slice(&samples);
        }
    }
}

#[inline(always)]
fn sample(value: i32) -> u8 {
    value.wrapping_add(128).clamp(0, 255) as u8
}

#[inline(always)]
fn transform(block: &[i16; 64], factors: &[i32; 64]) -> [[u8; SIDE]; SIDE] {
    let mut values = [[0i32; SIDE]; SIDE];
    for (row, line) in values.iter_mut().enumerate() {
        for (column, value) in line.iter_mut().enumerate() {
            let at = row * SIDE + column;
            *value = i32::from(block[at]).wrapping_mul(factors[at]);
        }
    }
    let columns = transpose(&pass::<11>(&values));
    let rows = pass::<18>(&columns);
    let mut samples = [[0; SIDE]; SIDE];
    for (row, line) in samples.iter_mut().enumerate() {
        for (column, value) in line.iter_mut().enumerate() {
            *value = sample(rows[column][row]);
        }
    }
    samples
}

#[inline(always)]
fn transpose(values: &[[i32; SIDE]; SIDE]) -> [[i32; SIDE]; SIDE] {
    let mut transposed = [[0; SIDE]; SIDE];
    for (row, line) in transposed.iter_mut().enumerate() {
        for (column, value) in line.iter_mut().enumerate() {
            *value = values[column][row];
        }
    }
    transposed
}

/// Transforms eight columns at once; results are divided by 2 to the power of `SHIFT`, rounded.
#[inline(always)]
fn pass<const SHIFT: u32>(input: &[[i32; SIDE]; SIDE]) -> [[i32; SIDE]; SIDE] {
    let mut output = [[0i32; SIDE]; SIDE];
    for lane in 0..SIDE {
        let at = |row: usize| input[row][lane];
        let times = |a: i32, b: i32| a.wrapping_mul(b);
        let plus = |a: i32, b: i32| a.wrapping_add(b);
        let minus = |a: i32, b: i32| a.wrapping_sub(b);
        // Even rows.
        let z1 = times(plus(at(2), at(6)), 4433);
        let t2 = plus(z1, times(at(6), -15137));
        let t3 = plus(z1, times(at(2), 6270));
        let t0 = plus(at(0), at(4)).wrapping_shl(13);
        let t1 = minus(at(0), at(4)).wrapping_shl(13);
        let even = [plus(t0, t3), plus(t1, t2), minus(t1, t2), minus(t0, t3)];
        // Odd rows.
        let (t0, t1, t2, t3) = (at(7), at(5), at(3), at(1));
        let (z1, z2, z3, z4) = (plus(t0, t3), plus(t1, t2), plus(t0, t2), plus(t1, t3));
        let z5 = times(plus(z3, z4), 9633);
        let (z1, z2) = (times(z1, -7373), times(z2, -20995));
        let (z3, z4) = (plus(times(z3, -16069), z5), plus(times(z4, -3196), z5));
        let t0 = plus(times(t0, 2446), plus(z1, z3));
        let t1 = plus(times(t1, 16819), plus(z2, z4));
        let t2 = plus(times(t2, 25172), plus(z2, z3));
        let t3 = plus(times(t3, 12299), plus(z1, z4));
        let odd = [t3, t2, t1, t0];
        for step in 0..4 {
            let round = |value: i32| plus(value, 1 << (SHIFT - 1)) >> SHIFT;
            output[step][lane] = round(plus(even[step], odd[step]));
            output[7 - step][lane] = round(minus(even[step], odd[step]));
        }
    }
    output
}
