//! Huffman codes (ITU-T T.81, annexes C and F).

use super::bits::Bits;
use super::error::JpegError;

/// Bits of the codes that one look finds.
const QUICK: u32 = 10;

/// A code: bits to symbols.
#[derive(Debug, Clone)]
pub(super) struct Huffman {
    /// Of the next bits: the length of a code in the high byte and its symbol; 0 for longer codes.
    quick: Vec<u16>,
    /// Of the next bits, where a code for a coefficient and its value are all within: the value in
    /// the high byte, then the zeros before it and the bits of all, four bits each. Else 0.
    whole: Vec<i16>,
    /// For each length the first 16 bits that are behind its codes, and what leads from a code to
    /// its symbol.
    ends: [(u32, i32); 17],
    symbols: Vec<u8>,
}

impl Huffman {
    /// The code with so many codes of 1 to 16 bits each, and their symbols in order.
    pub(super) fn new(counts: &[u8; 16], symbols: &[u8]) -> Result<Self, JpegError> {
        let mut quick = vec![0u16; 1 << QUICK];
        let mut ends = [(0, 0); 17];
        let (mut code, mut first) = (0u32, 0usize);
        for (length, &count) in (1u32..).zip(counts) {
            let count = usize::from(count);
            if code as usize + count > 1 << length || first + count > symbols.len() {
                return Err(JpegError::Damaged("a table of its codes is impossible"));
            }
            ends[length as usize].1 = first as i32 - code as i32;
            for &symbol in &symbols[first..first + count] {
                if length <= QUICK {
                    let start = (code as usize) << (QUICK - length);
                    let same = 1 << (QUICK - length);
                    quick[start..start + same].fill((length as u16) << 8 | u16::from(symbol));
                }
                code += 1;
            }
            ends[length as usize].0 = code << (16 - length);
            code <<= 1;
            first += count;
        }
        let whole = (0..1 << QUICK).map(|bits| whole(bits, quick[bits as usize])).collect();
        Ok(Self { quick, whole, ends, symbols: symbols.to_vec() })
    }

    /// The next symbol, of bits that are ready.
    #[inline(always)]
    pub(super) fn symbol(&self, bits: &mut Bits<'_>) -> Result<u8, JpegError> {
        let entry = self.quick[bits.peek(QUICK) as usize];
        if entry != 0 {
            bits.skip(u32::from(entry >> 8));
            return Ok(entry as u8);
        }
        self.long_symbol(bits)
    }

    #[cold]
    fn long_symbol(&self, bits: &mut Bits<'_>) -> Result<u8, JpegError> {
        let next = bits.peek(16);
        let longer = (QUICK + 1)..=16;
        let length = longer.into_iter().find(|&length| next < self.ends[length as usize].0);
        let length = length.ok_or(JpegError::Damaged("its data has a code that no table names"))?;
        let code = bits.take(length) as i32;
        let symbol = self.symbols.get((code + self.ends[length as usize].1) as usize);
        symbol.copied().ok_or(JpegError::Damaged("its data has a code that no table names"))
    }

    /// The zeros before the next coefficient and its value, where few bits say it.
    #[inline(always)]
    pub(super) fn coefficient(&self, bits: &mut Bits<'_>) -> Option<(usize, i16)> {
        let entry = self.whole[bits.peek(QUICK) as usize];
        if entry == 0 {
            return None;
        }
        bits.skip((entry & 15) as u32);
        Some(((entry >> 4 & 15) as usize, entry >> 8))
    }
}

/// An entry of [`Huffman::whole`].
fn whole(bits: u32, entry: u16) -> i16 {
    let (length, run, size) =
        (u32::from(entry >> 8), i32::from(entry >> 4 & 15), u32::from(entry & 15));
    if entry == 0 || size == 0 || length + size > QUICK {
        return 0;
    }
    let value = (bits >> (QUICK - length - size) & ((1 << size) - 1)) as i32;
    let value = if value < 1 << (size - 1) { value - (1 << size) + 1 } else { value };
    match i8::try_from(value) {
        Ok(value) => (i32::from(value) << 8 | run << 4 | (length + size) as i32) as i16,
        Err(_) => 0,
    }
}
