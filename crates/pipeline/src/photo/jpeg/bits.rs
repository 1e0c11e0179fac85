//! Bits of a scan's data.

/// Reads bits, the highest of each byte first; behind the end there are zeros.
#[derive(Debug)]
pub(super) struct Bits<'a> {
    data: &'a [u8],
    /// Bytes taken into the buffer, also those behind the end.
    taken: usize,
    /// The next bits, from the highest on.
    buffer: u64,
    filled: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, taken: 0, buffer: 0, filled: 0 }
    }

    /// Whether more bits were used than there are.
    pub(super) fn overrun(&self) -> bool {
        self.taken * 8 - self.filled as usize > self.data.len() * 8
    }

    /// Makes 32 bits ready: a code and what belongs to it.
    #[inline(always)]
    pub(super) fn fill(&mut self) {
        if self.filled >= 32 {
            return;
        }
        if let Some(&bytes) = self.data.get(self.taken..).and_then(<[u8]>::first_chunk::<8>) {
            // Bits that do not count yet are the same when they are added again.
            self.buffer |= u64::from_be_bytes(bytes) >> self.filled;
            let bytes = (63 - self.filled) / 8;
            self.taken += bytes as usize;
            self.filled += bytes * 8;
        } else {
            while self.filled <= 56 {
                let byte = self.data.get(self.taken).copied().unwrap_or(0);
                self.buffer |= u64::from(byte) << (56 - self.filled);
                self.taken += 1;
                self.filled += 8;
            }
        }
    }

    /// The next `count` bits, 1 to 32, of those that [`Self::fill`] made ready.
    #[inline(always)]
    pub(super) fn peek(&self, count: u32) -> u32 {
        (self.buffer >> (64 - count)) as u32
    }

    /// Goes on by bits that are ready.
    #[inline(always)]
    pub(super) fn skip(&mut self, count: u32) {
        self.buffer <<= count;
        self.filled -= count;
    }

    /// `count` bits, 0 to 16, of those that are ready.
    #[inline(always)]
    pub(super) fn take(&mut self, count: u32) -> u32 {
        // In two steps: a shift by 64 is none.
        let bits = (self.buffer >> 1 >> (63 - count)) as u32;
        self.skip(count);
        bits
    }

    /// A number of `size` bits, 0 to 15, negative where its first bit is 0 (T.81, F.2.2.1).
    #[inline(always)]
    pub(super) fn number(&mut self, size: u32) -> i32 {
        let bits = self.take(size) as i32;
        let least = (1 << size) >> 1;
        if bits < least { bits - (1 << size) + 1 } else { bits }
    }

    /// One bit.
    #[inline(always)]
    pub(super) fn bit(&mut self) -> bool {
        self.fill();
        self.take(1) == 1
    }
}
