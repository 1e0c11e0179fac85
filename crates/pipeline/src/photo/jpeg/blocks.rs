//! The coefficients of one block (ITU-T T.81, annexes F and G).

use super::bits::Bits;
use super::error::JpegError;
use super::huffman::Huffman;

/// Where the coefficients of the zigzag order stand in a block.
pub(super) const NATURAL: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
    13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59,
    52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

const TOO_MANY: JpegError = JpegError::Damaged("a block of it has too many values");

/// A block of coefficients, in natural order.
pub(super) type Block = [i16; 64];

/// The coefficients of a scan: from, to (in zigzag order), and the lowest bit that it has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Band {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) low: u32,
}

#[inline(always)]
fn place(block: &mut Block, at: usize) -> Result<&mut i16, JpegError> {
    let place = NATURAL.get(at).ok_or(TOO_MANY)?;
    Ok(&mut block[usize::from(*place & 63)])
}

/// The difference of a first coefficient from the one before it.
#[inline(always)]
fn difference(bits: &mut Bits<'_>, table: &Huffman) -> Result<i32, JpegError> {
    bits.fill();
    let size = table.symbol(bits)?;
    if size > 15 {
        return Err(JpegError::Damaged("its data has a value that is too large"));
    }
    Ok(bits.number(u32::from(size)))
}

/// A block of a sequential frame.
#[inline(always)]
pub(super) fn sequential(
    bits: &mut Bits<'_>,
    (dc, ac): (&Huffman, &Huffman),
    before: &mut i32,
    block: &mut Block,
) -> Result<(), JpegError> {
    *before = before.wrapping_add(difference(bits, dc)?);
    block[0] = *before as i16;
    let mut at = 1;
    while at < 64 {
        bits.fill();
        if let Some((zeros, value)) = ac.coefficient(bits) {
            *place(block, at + zeros)? = value;
            at += zeros + 1;
            continue;
        }
        let symbol = ac.symbol(bits)?;
        let (zeros, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
        if size == 0 {
            if zeros != 15 {
                break;
            }
            at += 16;
            continue;
        }
        *place(block, at + zeros)? = bits.number(size) as i16;
        at += zeros + 1;
    }
    Ok(())
}

/// The first coefficient, without its lowest bits.
#[inline(always)]
pub(super) fn first_dc(
    bits: &mut Bits<'_>,
    dc: &Huffman,
    low: u32,
    before: &mut i32,
    block: &mut Block,
) -> Result<(), JpegError> {
    *before = before.wrapping_add(difference(bits, dc)?);
    block[0] = before.wrapping_shl(low) as i16;
    Ok(())
}

/// One more bit of the first coefficient.
#[inline(always)]
pub(super) fn refine_dc(bits: &mut Bits<'_>, low: u32, block: &mut Block) {
    if bits.bit() {
        block[0] |= 1 << low;
    }
}

/// A band of coefficients, without their lowest bits. `empty` counts the blocks to come that have
/// none.
#[inline(always)]
pub(super) fn first_ac(
    bits: &mut Bits<'_>,
    ac: &Huffman,
    band: Band,
    empty: &mut u32,
    block: &mut Block,
) -> Result<(), JpegError> {
    if *empty > 0 {
        *empty -= 1;
        return Ok(());
    }
    let mut at = band.from;
    while at <= band.to {
        bits.fill();
        let (zeros, value) = match ac.coefficient(bits) {
            Some(found) => found,
            None => {
                let symbol = ac.symbol(bits)?;
                let (zeros, size) = (symbol >> 4, u32::from(symbol & 15));
                match (zeros, size) {
                    (15, 0) => {
                        at += 16;
                        continue;
                    }
                    (zeros, 0) => {
                        let zeros = u32::from(zeros);
                        *empty = (1 << zeros) - 1 + bits.take(zeros);
                        break;
                    }
                    _ => (usize::from(zeros), bits.number(size) as i16),
                }
            }
        };
        at += zeros;
        if at > band.to {
            return Err(TOO_MANY);
        }
        *place(block, at)? = value.wrapping_shl(band.low);
        at += 1;
    }
    Ok(())
}

/// One more bit of a band of coefficients.
#[inline(always)]
pub(super) fn refine_ac(
    bits: &mut Bits<'_>,
    ac: &Huffman,
    band: Band,
    empty: &mut u32,
    block: &mut Block,
) -> Result<(), JpegError> {
    let bit = 1i16 << band.low;
    let mut at = band.from;
    while *empty == 0 && at <= band.to {
        bits.fill();
        let symbol = ac.symbol(bits)?;
        let (zeros, size) = (u32::from(symbol >> 4), symbol & 15);
        let value = match size {
            0 if zeros == 15 => 0,
            0 => {
                *empty = (1 << zeros) + bits.take(zeros);
                break;
            }
            1 if bits.take(1) == 1 => bit,
            1 => -bit,
            _ => return Err(JpegError::Damaged("its data has a value that is too large")),
        };
        let mut zeros = zeros;
        while at <= band.to {
            let here = place(block, at)?;
            if *here != 0 {
                refine(bits, bit, here);
            } else if zeros == 0 {
                *here = value;
                break;
            } else {
                zeros -= 1;
            }
            at += 1;
        }
        if at > band.to && (value != 0 || zeros > 0) {
            return Err(TOO_MANY);
        }
        at += 1;
    }
    if *empty > 0 {
        while at <= band.to {
            let here = place(block, at)?;
            if *here != 0 {
                refine(bits, bit, here);
            }
            at += 1;
        }
        *empty -= 1;
    }
    Ok(())
}

#[inline(always)]
fn refine(bits: &mut Bits<'_>, bit: i16, value: &mut i16) {
    if bits.bit() && *value & bit == 0 {
        *value = value.wrapping_add(if *value > 0 { bit } else { -bit });
    }
}
