//! A file from its header to its pixels.

use super::blocks::{Band, NATURAL};
use super::colour::{self, Meaning};
use super::error::JpegError;
use super::frame::Frame;
use super::huffman::Huffman;
use super::idct;
use super::scan::{Part, Pass, Scan};
use super::segments::{Segment, Segments};
use super::upsample::Plane;
use crate::photo::pixels::Pixels;
use pulp::Arch;

/// A file whose header was read.
#[derive(Debug)]
pub(in crate::photo) struct Decoder<'a> {
    segments: Segments<'a>,
    /// The header of the first scan.
    first_scan: &'a [u8],
    frame: Frame,
    tables: Tables,
    jfif: bool,
    adobe: Option<u8>,
    /// The application segments before the first scan: the marker's number, 0 to 15, and content.
    applications: Vec<(u8, &'a [u8])>,
}

/// Tables that later segments may replace.
#[derive(Debug, Default)]
struct Tables {
    /// In natural order.
    quantisation: [Option<[u16; 64]>; 4],
    dc: [Option<Huffman>; 4],
    ac: [Option<Huffman>; 4],
    interval: usize,
}

/// How many low bits of a coefficient are still to come; `None` before its first scan.
type Progress = [Option<u32>; 64];

const CONTRADICTION: JpegError = JpegError::Damaged("its scans contradict each other");

impl<'a> Decoder<'a> {
    /// Reads all that stands before the first scan.
    pub(in crate::photo) fn new(bytes: &'a [u8]) -> Result<Self, JpegError> {
        let mut segments = Segments::new(bytes);
        let (mut frame, mut tables, mut applications) = (None, Tables::default(), Vec::new());
        loop {
            let Segment { marker, content } = segments.next()?.ok_or(JpegError::CutOff)?;
            match marker {
                0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                    if frame.replace(Frame::new(marker, content)?).is_some() {
                        return Err(JpegError::Damaged("it has two headers"));
                    }
                }
                0xe0..=0xef => applications.push((marker & 15, content)),
                0xda => {
                    let frame = frame.ok_or(JpegError::Damaged("it has no header"))?;
                    let begins = |number: u8, start: &[u8]| {
                        let found = |(marker, content): &&(u8, &'a [u8])| {
                            *marker == number && content.starts_with(start)
                        };
                        applications.iter().find(found).map(|(_, content)| *content)
                    };
                    let jfif = begins(0, b"JFIF\0").is_some();
                    let adobe = begins(14, b"Adobe").and_then(|content| content.get(11)).copied();
                    let first_scan = content;
                    return Ok(Self {
                        segments,
                        first_scan,
                        frame,
                        tables,
                        jfif,
                        adobe,
                        applications,
                    });
                }
                0xd9 => return Err(JpegError::Damaged("it has no pixels")),
                _ => tables.take(marker, content)?,
            }
        }
    }

    /// Pixels across and down.
    pub(in crate::photo) fn dimensions(&self) -> (u32, u32) {
        (self.frame.width as u32, self.frame.height as u32)
    }

    /// The application segments before the first scan: the marker's number, 0 to 15, and content.
    pub(in crate::photo) fn applications(&self) -> impl Iterator<Item = (u8, &'a [u8])> {
        self.applications.iter().copied()
    }

    /// Decodes the picture.
    ///
    /// Needs, beside the pixels, as many bytes as there are samples in the file, and twice as many
    /// more for a progressive file.
    pub(in crate::photo) fn decode(mut self) -> Result<Pixels, JpegError> {
        let arch = Arch::new();
        let frame = self.frame.clone();
        let components = &frame.components;
        let mut planes: Vec<_> = components.iter().map(|part| Plane::new(&frame, part)).collect();
        let mut blocks: Vec<Vec<i16>> = components
            .iter()
            .map(|part| part.stride * if frame.progressive { part.rows } else { part.v })
            .map(|blocks| vec![0; blocks * 64])
            .collect();
        let mut quantisation: Vec<Option<[u16; 64]>> = vec![None; components.len()];
        let mut progress: Vec<Progress> = vec![[None; 64]; components.len()];
        let mut scan = self.first_scan;
        let mut ended = false;
        loop {
            let scan_of = self.tables.scan(&frame, scan)?;
            for part in &scan_of.parts {
                let table = self.tables.quantisation[components[part.component].table];
                let table = table.ok_or(JpegError::Damaged("a table of its values is missing"))?;
                quantisation[part.component].get_or_insert(table);
                advance(&scan_of, &mut progress[part.component])?;
            }
            let data = self.segments.entropy_coded()?;
            if frame.progressive {
                scan_of.run(&frame, &data, &mut blocks, None)?;
            } else {
                let mut row = |component: usize, line: usize, blocks: &mut [i16]| {
                    let plane = &mut planes[component];
                    let size = plane.stride * 8;
                    let samples = &mut plane.samples[line * size..][..size];
                    let table = quantisation[component].as_ref().unwrap_or(&[1; 64]);
                    arch.dispatch(
                        #[inline(always)]
                        || idct::row(blocks, table, samples),
                    );
                    blocks.fill(0);
                };
                scan_of.run(&frame, &data, &mut blocks, Some(&mut row))?;
                if progress.iter().all(|part| part[0].is_some()) {
                    // All blocks are there: what may follow is none of the picture.
                    break;
                }
            }
            loop {
                match self.segments.next()? {
                    Some(Segment { marker: 0xda, content }) => {
                        scan = content;
                        break;
                    }
                    Some(Segment { marker: 0xd9, .. }) => ended = true,
                    Some(Segment { marker: 0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb, .. }) => {
                        return Err(JpegError::Damaged("it has two headers"));
                    }
                    Some(Segment { marker, content }) => {
                        self.tables.take(marker, content)?;
                        continue;
                    }
                    None => ended = true,
                }
                if ended {
                    break;
                }
            }
            if ended {
                break;
            }
        }
        if frame.progressive {
            whole(&progress)?;
            for (component, blocks) in blocks.iter_mut().enumerate() {
                let blocks = std::mem::take(blocks);
                let plane = &mut planes[component];
                let stride = plane.stride;
                let table = quantisation[component].as_ref().unwrap_or(&[1; 64]);
                let rows = blocks.chunks_exact(stride * 8);
                arch.dispatch(
                    #[inline(always)]
                    || {
                        for (row, samples) in rows.zip(plane.samples.chunks_exact_mut(stride * 8)) {
                            idct::row(row, table, samples);
                        }
                    },
                );
            }
        } else if progress.iter().any(|part| part[0].is_none()) {
            return Err(JpegError::CutOff);
        }
        let meaning = Meaning::of(&frame, self.jfif, self.adobe);
        Ok(arch.dispatch(
            #[inline(always)]
            || colour::pixels(&frame, &planes, meaning),
        ))
    }
}

/// Notes what a scan brings, and that nothing comes twice: so a file cannot have more scans than
/// its coefficients have bits.
fn advance(scan: &Scan<'_>, progress: &mut Progress) -> Result<(), JpegError> {
    let Band { from, to, low } = scan.band;
    for known in &mut progress[from..=to] {
        let expected = match scan.pass {
            Pass::Sequential | Pass::FirstDc | Pass::FirstAc => None,
            Pass::RefineDc | Pass::RefineAc => Some(low + 1),
        };
        if *known != expected {
            return Err(CONTRADICTION);
        }
        *known = Some(low);
    }
    Ok(())
}

/// Whether a progressive file has all that it needs: every coefficient that it began.
fn whole(progress: &[Progress]) -> Result<(), JpegError> {
    let begun = |part: &Progress| part[0].is_some() && part.iter().flatten().all(|&low| low == 0);
    if progress.iter().all(begun) { Ok(()) } else { Err(JpegError::CutOff) }
}

impl Tables {
    /// Reads the header of a scan (T.81, B.2.3).
    fn scan(&self, frame: &Frame, content: &[u8]) -> Result<Scan<'_>, JpegError> {
        let impossible = JpegError::Damaged("the header of a scan is impossible");
        let (&count, rest) = content.split_first().ok_or(impossible)?;
        let count = usize::from(count);
        let Some(([from, to, bits], parts)) = rest.get(..2 * count + 3).and_then(|rest| {
            let (parts, last) = rest.split_at(2 * count);
            Some((*last.first_chunk::<3>()?, parts))
        }) else {
            return Err(impossible);
        };
        let parts = parts.chunks_exact(2).map(|part| {
            let component = frame.components.iter().position(|known| known.id == part[0]);
            let (dc, ac) = (usize::from(part[1] >> 4), usize::from(part[1] & 15));
            Ok(Part {
                component: component.ok_or(impossible)?,
                dc: self.dc.get(dc).ok_or(impossible)?.as_ref(),
                ac: self.ac.get(ac).ok_or(impossible)?.as_ref(),
            })
        });
        let parts: Vec<_> = parts.collect::<Result<_, JpegError>>()?;
        if parts.is_empty() || parts.len() > 4 {
            return Err(impossible);
        }
        let units = parts.iter().map(|part| &frame.components[part.component]);
        if parts.len() > 1 && units.map(|part| part.h * part.v).sum::<usize>() > 10 {
            return Err(JpegError::NotRead("a JPEG whose colours are sampled too finely"));
        }
        let (from, to) = (usize::from(from), usize::from(to));
        let (high, low) = (u32::from(bits >> 4), u32::from(bits & 15));
        let pass = match (frame.progressive, from, high) {
            (false, ..) => Pass::Sequential,
            (true, 0, 0) => Pass::FirstDc,
            (true, 0, _) => Pass::RefineDc,
            (true, _, 0) => Pass::FirstAc,
            (true, ..) => Pass::RefineAc,
        };
        let band = if frame.progressive {
            let refined = high == 0 || high == low + 1;
            let ordered = if from == 0 { to == 0 } else { parts.len() == 1 && from <= to };
            if to > 63 || low > 13 || !refined || !ordered {
                return Err(impossible);
            }
            Band { from, to, low }
        } else {
            Band { from: 0, to: 63, low: 0 }
        };
        Ok(Scan { parts, pass, band, interval: self.interval })
    }

    /// Reads a segment of tables; others are passed over.
    fn take(&mut self, marker: u8, content: &[u8]) -> Result<(), JpegError> {
        match marker {
            0xdb => self.quantisation(content),
            0xc4 => self.huffman(content),
            0xdd => {
                let interval = content.first_chunk::<2>();
                let interval = interval.ok_or(JpegError::Damaged("its header is impossible"))?;
                self.interval = usize::from(u16::from_be_bytes(*interval));
                Ok(())
            }
            0xcc => Err(JpegError::NotRead("a JPEG with arithmetic coding")),
            0xde | 0xdf => Err(JpegError::NotRead("a hierarchical JPEG")),
            _ => Ok(()),
        }
    }

    fn quantisation(&mut self, mut content: &[u8]) -> Result<(), JpegError> {
        let impossible = JpegError::Damaged("a table of its values is impossible");
        while let Some((&kind, rest)) = content.split_first() {
            let size = if kind >> 4 == 0 { 1 } else { 2 };
            let values = rest.get(..64 * size).ok_or(impossible)?;
            let table = self.quantisation.get_mut(usize::from(kind & 15)).ok_or(impossible)?;
            let table = table.insert([0; 64]);
            for (value, &place) in values.chunks_exact(size).zip(&NATURAL) {
                table[usize::from(place)] =
                    value.iter().fold(0, |all, &byte| all << 8 | u16::from(byte));
            }
            content = &rest[64 * size..];
        }
        Ok(())
    }

    fn huffman(&mut self, mut content: &[u8]) -> Result<(), JpegError> {
        let impossible = JpegError::Damaged("a table of its codes is impossible");
        while let Some((&kind, rest)) = content.split_first() {
            let counts = rest.first_chunk::<16>().ok_or(impossible)?;
            let count: usize = counts.iter().map(|&count| usize::from(count)).sum();
            let symbols = rest.get(16..16 + count).ok_or(impossible)?;
            let tables = if kind >> 4 == 0 { &mut self.dc } else { &mut self.ac };
            let table = tables.get_mut(usize::from(kind & 15)).ok_or(impossible)?;
            *table = Some(Huffman::new(counts, symbols)?);
            content = &rest[16 + count..];
        }
        Ok(())
    }
}
