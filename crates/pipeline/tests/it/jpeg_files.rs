//! Writes JPEG files of any structure, of coefficients that are drawn.

/// How the coefficients are divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// All in one scan.
    Sequential,
    /// A scan for each component.
    ScanPerColour,
    /// Progressive: spectral selection and successive approximation.
    Progressive,
}

/// A file.
#[derive(Debug, Clone)]
pub(crate) struct File {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Sampling factors of each component.
    pub(crate) factors: Vec<(usize, usize)>,
    pub(crate) kind: Kind,
    /// Units between restarts; 0 for none.
    pub(crate) restart: usize,
}

/// Codes of symbols: lengths 2 to 7 for one each, then 16 bits, so that codes of all lengths occur.
fn code(symbol: u8) -> (u32, u32) {
    match u32::from(symbol) {
        symbol @ 0..=5 => ((2 << symbol) - 2, symbol + 2),
        symbol => ((126 << 8) + symbol - 6, 16),
    }
}

/// The same as a table, of class 0 (first coefficients) or 1.
fn table(class: u8) -> Vec<u8> {
    let symbols = [12, 255][usize::from(class)];
    let mut counts = [0u8; 16];
    counts[1..7].fill(1);
    counts[15] = symbols - 6;
    let mut content = vec![class << 4];
    content.extend(counts);
    content.extend(0..symbols);
    content
}

fn segment(file: &mut Vec<u8>, marker: u8, content: &[u8]) {
    file.extend([0xff, marker]);
    file.extend(u16::try_from(content.len() + 2).unwrap().to_be_bytes());
    file.extend(content);
}

/// Bits of a scan.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    buffer: u64,
    filled: u32,
}

impl Bits {
    fn put(&mut self, value: u32, count: u32) {
        for at in (0..count).rev() {
            self.buffer = self.buffer << 1 | u64::from(value >> at & 1);
            self.filled += 1;
            if self.filled == 8 {
                let byte = self.buffer as u8;
                self.bytes.push(byte);
                if byte == 0xff {
                    self.bytes.push(0);
                }
                self.filled = 0;
            }
        }
    }

    fn symbol(&mut self, symbol: u8) {
        let (bits, count) = code(symbol);
        self.put(bits, count);
    }

    fn number(&mut self, value: i32, size: u32) {
        let bits = if value < 0 { value - 1 } else { value };
        self.put(bits as u32 & ((1 << size) - 1), size);
    }

    fn align(&mut self) {
        while self.filled != 0 {
            self.put(1, 1);
        }
    }
}

fn size(value: i32) -> u32 {
    32 - value.unsigned_abs().leading_zeros()
}

/// Blocks of a component, in zigzag order.
struct Component {
    h: usize,
    v: usize,
    wide: usize,
    high: usize,
    stride: usize,
    blocks: Vec<[i32; 64]>,
}

/// A scan: from, to, the lowest bit before and now.
#[derive(Clone, Copy)]
struct Band {
    from: usize,
    to: usize,
    high: u32,
    low: u32,
}

/// What an encoder keeps between blocks.
#[derive(Default)]
struct State {
    before: [i32; 4],
    empty: u32,
    waiting: Vec<bool>,
}

impl State {
    fn flush(&mut self, bits: &mut Bits) {
        if self.empty > 0 {
            let size = self.empty.ilog2();
            bits.symbol((size << 4) as u8);
            bits.put(self.empty & ((1 << size) - 1), size);
            self.empty = 0;
        }
        for bit in self.waiting.drain(..) {
            bits.put(bit.into(), 1);
        }
    }
}

impl File {
    pub(crate) fn name(&self) -> String {
        let factors: Vec<String> = self.factors.iter().map(|(h, v)| format!("{h}{v}")).collect();
        format!(
            "{:?}-{}-{}x{}-r{}.jpg",
            self.kind,
            factors.join("-"),
            self.width,
            self.height,
            self.restart
        )
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let components = self.components();
        let count = components.len();
        let mut file = vec![0xff, 0xd8];
        if count == 4 {
            // Kind of transform 2: luma and chroma of inverted colours, and black.
            segment(&mut file, 0xee, b"Adobe\0\x64\0\0\0\0\x02");
        }
        let steps: Vec<u8> = (0..64).map(|at| 2 + at / 4).collect();
        segment(&mut file, 0xdb, &[&[0], steps.as_slice()].concat());
        let mut frame = vec![8];
        frame.extend((self.height as u16).to_be_bytes());
        frame.extend((self.width as u16).to_be_bytes());
        frame.push(count as u8);
        for (id, (h, v)) in self.factors.iter().enumerate() {
            frame.extend([id as u8 + 1, (h << 4 | v) as u8, 0]);
        }
        let marker = if self.kind == Kind::Progressive { 0xc2 } else { 0xc0 };
        segment(&mut file, marker, &frame);
        segment(&mut file, 0xc4, &table(0));
        segment(&mut file, 0xc4, &table(1));
        if self.restart > 0 {
            segment(&mut file, 0xdd, &(self.restart as u16).to_be_bytes());
        }
        let all: Vec<usize> = (0..count).collect();
        let whole = Band { from: 0, to: 63, high: 0, low: 0 };
        let mut scan = |parts: &[usize], band| self.scan(&mut file, &components, parts, band);
        match self.kind {
            Kind::Sequential => scan(&all, whole),
            Kind::ScanPerColour => all.iter().for_each(|&part| scan(&[part], whole)),
            Kind::Progressive => {
                let dc = |high, low| Band { from: 0, to: 0, high, low };
                let ac = |from, to, high, low| Band { from, to, high, low };
                scan(&all, dc(0, 1));
                for &part in &all {
                    scan(&[part], ac(1, 5, 0, 2));
                    scan(&[part], ac(6, 63, 0, 2));
                    scan(&[part], ac(1, 63, 2, 1));
                }
                scan(&all, dc(1, 0));
                for &part in &all {
                    scan(&[part], ac(1, 63, 1, 0));
                }
            }
        }
        file.extend([0xff, 0xd9]);
        file
    }

    fn components(&self) -> Vec<Component> {
        let max = |factor: fn(&(usize, usize)) -> usize| self.factors.iter().map(factor).max();
        let (max_h, max_v) = (max(|factors| factors.0).unwrap(), max(|factors| factors.1).unwrap());
        let (units_wide, units_high) =
            (self.width.div_ceil(8 * max_h), self.height.div_ceil(8 * max_v));
        // Reproducible: x -> a x + c goes through all residues of a power of two.
        let mut state = 7u32;
        let mut random = move |below: i32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as i32 % below
        };
        let mut component = |&(h, v): &(usize, usize)| {
            let count = units_wide * h * units_high * v;
            let blocks = (0..count).map(|_| {
                let mut block = [0; 64];
                block[0] = random(700) - 350;
                // One block of four is flat; long runs of zeros occur.
                for _ in 0..[0, 1, 4, 20][random(4) as usize] {
                    let at = 1 + random(63) as usize;
                    block[at] = random(if at < 6 { 120 } else { 14 }) - if at < 6 { 60 } else { 7 };
                }
                block
            });
            Component {
                h,
                v,
                wide: (self.width * h).div_ceil(max_h).div_ceil(8),
                high: (self.height * v).div_ceil(max_v).div_ceil(8),
                stride: units_wide * h,
                blocks: blocks.collect(),
            }
        };
        self.factors.iter().map(&mut component).collect()
    }

    fn scan(&self, file: &mut Vec<u8>, components: &[Component], parts: &[usize], band: Band) {
        let mut header = vec![parts.len() as u8];
        header.extend(parts.iter().flat_map(|&part| [part as u8 + 1, 0]));
        header.extend([band.from as u8, band.to as u8, (band.high << 4 | band.low) as u8]);
        segment(file, 0xda, &header);
        let (mut bits, mut state) = (Bits::default(), State::default());
        let first = &components[parts[0]];
        let single = parts.len() == 1;
        let (wide, high) = if single {
            (first.wide, first.high)
        } else {
            (first.stride / first.h, first.blocks.len() / first.stride / first.v)
        };
        for unit in 0..wide * high {
            if self.restart > 0 && unit > 0 && unit % self.restart == 0 {
                state.flush(&mut bits);
                bits.align();
                bits.bytes.extend([0xff, 0xd0 + ((unit / self.restart - 1) % 8) as u8]);
                state = State::default();
            }
            for (index, &part) in parts.iter().enumerate() {
                let component = &components[part];
                let (h, v) = if single { (1, 1) } else { (component.h, component.v) };
                for at in 0..h * v {
                    let (row, column) = (unit / wide * v + at / h, unit % wide * h + at % h);
                    let block = &component.blocks[row * component.stride + column];
                    let is_progressive = self.kind == Kind::Progressive;
                    match (is_progressive, band.from, band.high) {
                        (false, ..) => sequential(&mut bits, &mut state, index, block),
                        (true, 0, 0) => {
                            dc(&mut bits, &mut state.before[index], block[0] >> band.low);
                        }
                        (true, 0, _) => bits.put((block[0] >> band.low & 1) as u32, 1),
                        (true, _, 0) => first_ac(&mut bits, &mut state, band, block),
                        (true, ..) => refine_ac(&mut bits, &mut state, band, block),
                    }
                }
            }
        }
        state.flush(&mut bits);
        bits.align();
        file.extend(bits.bytes);
    }
}

fn dc(bits: &mut Bits, before: &mut i32, value: i32) {
    let difference = value - *before;
    *before = value;
    bits.symbol(size(difference) as u8);
    bits.number(difference, size(difference));
}

fn sequential(bits: &mut Bits, state: &mut State, index: usize, block: &[i32; 64]) {
    dc(bits, &mut state.before[index], block[0]);
    let mut zeros = 0;
    for &value in &block[1..] {
        if value == 0 {
            zeros += 1;
            continue;
        }
        for _ in 0..zeros / 16 {
            bits.symbol(0xf0);
        }
        bits.symbol(((zeros % 16) << 4 | size(value)) as u8);
        bits.number(value, size(value));
        zeros = 0;
    }
    if zeros > 0 {
        bits.symbol(0);
    }
}

/// A coefficient without its lowest bits, towards zero.
fn shifted(value: i32, low: u32) -> i32 {
    value.signum() * (value.abs() >> low)
}

fn first_ac(bits: &mut Bits, state: &mut State, band: Band, block: &[i32; 64]) {
    let mut zeros = 0;
    for &value in &block[band.from..=band.to] {
        let value = shifted(value, band.low);
        if value == 0 {
            zeros += 1;
            continue;
        }
        state.flush(bits);
        for _ in 0..zeros / 16 {
            bits.symbol(0xf0);
        }
        bits.symbol(((zeros % 16) << 4 | size(value)) as u8);
        bits.number(value, size(value));
        zeros = 0;
    }
    if zeros > 0 {
        state.empty += 1;
    }
}

fn refine_ac(bits: &mut Bits, state: &mut State, band: Band, block: &[i32; 64]) {
    let values: Vec<i32> =
        block[band.from..=band.to].iter().map(|&value| shifted(value, band.low)).collect();
    let last_new = values.iter().rposition(|value| value.abs() == 1);
    let (mut zeros, mut corrections) = (0, Vec::new());
    for (at, &value) in values.iter().enumerate() {
        if value == 0 {
            zeros += 1;
            continue;
        }
        while zeros > 15 && last_new.is_some_and(|last| at <= last) {
            state.flush(bits);
            bits.symbol(0xf0);
            corrections.drain(..).for_each(|bit: bool| bits.put(bit.into(), 1));
            zeros -= 16;
        }
        if value.abs() > 1 {
            corrections.push(value.abs() & 1 == 1);
            continue;
        }
        state.flush(bits);
        bits.symbol((zeros << 4 | 1) as u8);
        bits.put((value > 0).into(), 1);
        corrections.drain(..).for_each(|bit| bits.put(bit.into(), 1));
        zeros = 0;
    }
    if zeros > 0 || !corrections.is_empty() {
        state.empty += 1;
        state.waiting.append(&mut corrections);
    }
}
