//! The blocks of one scan, in their order (ITU-T T.81, A.2).

use super::bits::Bits;
use super::blocks::{self, Band, Block};
use super::error::JpegError;
use super::frame::Frame;
use super::huffman::Huffman;
use super::segments::EntropyCoded;

/// What a scan has of one component.
#[derive(Debug)]
pub(super) struct Part<'a> {
    /// Its number in the frame.
    pub(super) component: usize,
    pub(super) dc: Option<&'a Huffman>,
    pub(super) ac: Option<&'a Huffman>,
}

/// What a scan does.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pass {
    Sequential,
    FirstDc,
    RefineDc,
    FirstAc,
    RefineAc,
}

/// A scan: what it has, and of which coefficients.
#[derive(Debug)]
pub(super) struct Scan<'a> {
    pub(super) parts: Vec<Part<'a>>,
    pub(super) pass: Pass,
    pub(super) band: Band,
    /// Units between restarts; 0 for none.
    pub(super) interval: usize,
}

const NO_TABLE: JpegError = JpegError::Damaged("a table of its codes is missing");

/// Takes a row of a component's blocks away: the component, the row's number, the blocks.
pub(super) type RowOfBlocks<'a> = dyn FnMut(usize, usize, &mut [i16]) + 'a;

impl Scan<'_> {
    /// Decodes all blocks. `blocks` has those of each component, in rows; where `rolling` is
    /// given, only those of one row of units, which it takes away when they are decoded.
    ///
    /// The numbers that `rolling` gets are a component's and that of a row of its blocks.
    pub(super) fn run(
        &self,
        frame: &Frame,
        data: &EntropyCoded,
        blocks: &mut [Vec<i16>],
        mut rolling: Option<&mut RowOfBlocks<'_>>,
    ) -> Result<(), JpegError> {
        let single = match &self.parts[..] {
            [part] => Some(&frame.components[part.component]),
            _ => None,
        };
        // One component alone has units of one block, and none that only fill up.
        let (wide, high) = single.map_or((frame.units_wide, frame.units_high), |component| {
            (component.blocks_wide, component.blocks_high)
        });
        let (mut part, mut left) = (0, self.interval);
        let mut bits = Bits::new(data.part(0).unwrap_or_default());
        let mut state = State::default();
        for row in 0..high {
            for column in 0..wide {
                if self.interval > 0 && left == 0 {
                    if bits.overrun() {
                        return Err(JpegError::CutOff);
                    }
                    part += 1;
                    bits = Bits::new(data.part(part).ok_or(JpegError::CutOff)?);
                    (state, left) = (State::default(), self.interval);
                }
                left = left.wrapping_sub(1);
                for (index, of) in self.parts.iter().enumerate() {
                    let component = &frame.components[of.component];
                    let (h, v) = if single.is_some() { (1, 1) } else { (component.h, component.v) };
                    for down in 0..v {
                        let line = if rolling.is_some() { down } else { row * v + down };
                        for across in 0..h {
                            let at = line * component.stride + column * h + across;
                            let (all, _) = blocks[of.component].as_chunks_mut::<64>();
                            let before = &mut state.before[index & 3];
                            self.block(of, &mut bits, before, &mut state.empty, &mut all[at])?;
                        }
                    }
                }
            }
            if bits.overrun() {
                return Err(JpegError::CutOff);
            }
            let Some(rolling) = &mut rolling else { continue };
            for of in &self.parts {
                let component = &frame.components[of.component];
                let v = if single.is_some() { 1 } else { component.v };
                let lines = blocks[of.component].chunks_exact_mut(component.stride * 64);
                for (down, line) in lines.take(v).enumerate() {
                    rolling(of.component, row * v + down, line);
                }
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn block(
        &self,
        part: &Part<'_>,
        bits: &mut Bits<'_>,
        before: &mut i32,
        empty: &mut u32,
        block: &mut Block,
    ) -> Result<(), JpegError> {
        match self.pass {
            Pass::Sequential => {
                let tables = (part.dc.ok_or(NO_TABLE)?, part.ac.ok_or(NO_TABLE)?);
                blocks::sequential(bits, tables, before, block)
            }
            Pass::FirstDc => {
                blocks::first_dc(bits, part.dc.ok_or(NO_TABLE)?, self.band.low, before, block)
            }
            Pass::RefineDc => {
                blocks::refine_dc(bits, self.band.low, block);
                Ok(())
            }
            Pass::FirstAc => {
                blocks::first_ac(bits, part.ac.ok_or(NO_TABLE)?, self.band, empty, block)
            }
            Pass::RefineAc => {
                blocks::refine_ac(bits, part.ac.ok_or(NO_TABLE)?, self.band, empty, block)
            }
        }
    }
}

/// What a block needs to know of those before it.
#[derive(Debug, Default)]
struct State {
    /// The last first coefficient of each component.
    before: [i32; 4],
    /// Blocks to come that have nothing.
    empty: u32,
}
