//! Which vector instructions a kernel runs on: chosen at run time.

#[cfg(target_arch = "x86_64")]
use super::units::multiplies_tiles;
use super::units::{ByteUnit, multiplies_bytes};
use pulp::WithSimd;
use std::cell::Cell;

/// The vector instructions that kernels are run with.
///
/// [`detect`](Self::detect) takes the widest the processor has; a test can take a lesser one, and
/// every kernel computes the same within rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Isa {
    kind: Kind,
    factors: Factors,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    #[cfg(target_arch = "x86_64")]
    Amx,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "aarch64")]
    Neon,
    Portable,
}

/// What a large product may make of its factors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Factors {
    Exact,
    /// 16 bits of each; only on a matrix unit.
    Rounded,
    /// Bytes; only where there are products of bytes.
    Bytes(ByteUnit),
}

thread_local! {
    static FORCED: Cell<Option<Isa>> = const { Cell::new(None) };
}

impl Isa {
    fn exact(kind: Kind) -> Self {
        Self { kind, factors: Factors::Exact }
    }

    /// The widest that this processor has, unless [`with`](Self::with) says otherwise.
    pub fn detect() -> Self {
        FORCED.get().unwrap_or_else(|| Self::available()[0])
    }

    /// Does some work as if the processor had no wider ones: layers that are made, and small
    /// operations that are called, on this thread. For tests and measurements of whole networks.
    pub fn with<T>(self, work: impl FnOnce() -> T) -> T {
        /// Puts back what was there, also when the work panics.
        struct Before(Option<Isa>);
        impl Drop for Before {
            fn drop(&mut self) {
                FORCED.set(self.0);
            }
        }
        let _before = Before(FORCED.replace(Some(self)));
        work()
    }

    /// All that this processor has, the widest first: AMX for products beside AVX-512, that alone,
    /// AVX2 with FMA, NEON, and what the program was compiled for.
    pub fn available() -> Vec<Self> {
        let mut found = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if multiplies_tiles() {
                found.push(Self::exact(Kind::Amx));
            }
            if pulp::x86::V4::try_new().is_some() {
                found.push(Self::exact(Kind::Avx512));
            }
            if pulp::x86::V3::try_new().is_some() {
                found.push(Self::exact(Kind::Avx2));
            }
        }
        #[cfg(target_arch = "aarch64")]
        if pulp::aarch64::Neon::try_new().is_some() {
            found.push(Self::exact(Kind::Neon));
        }
        found.push(Self::exact(Kind::Portable));
        found
    }

    /// The same, but a matrix unit may round: it takes 16 of the 24 bits of each value, which is
    /// half the work. Nothing changes where there is none.
    #[must_use]
    pub fn rounded(self) -> Self {
        match self.kind {
            #[cfg(target_arch = "x86_64")]
            Kind::Amx => Self { factors: Factors::Rounded, ..self },
            _ => self,
        }
    }

    /// The same, but large products round their factors to bytes: weights to so many 127ths of the
    /// largest of their output, values to so many 254ths of the range of their row. Nothing changes
    /// where the processor has no products of bytes (AMX, AVX-512 VNNI, or the dot products of
    /// ARMv8.2).
    #[must_use]
    pub fn in_bytes(self) -> Self {
        let unit = match self.kind {
            #[cfg(target_arch = "x86_64")]
            Kind::Amx | Kind::Avx512 => multiplies_bytes(self.multiplies_tiles()),
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => multiplies_bytes(false),
            _ => None,
        };
        unit.map_or(self, |unit| Self { factors: Factors::Bytes(unit), ..self })
    }

    /// The same, but all products are exact and by vectors.
    pub(crate) fn by_vectors(self) -> Self {
        Self::exact(match self.kind {
            #[cfg(target_arch = "x86_64")]
            Kind::Amx => Kind::Avx512,
            kind => kind,
        })
    }

    /// Whether it has a matrix unit beside the vectors.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn multiplies_tiles(self) -> bool {
        self.kind == Kind::Amx
    }

    /// Whether a matrix unit rounds.
    pub(crate) fn rounds(self) -> bool {
        self.factors == Factors::Rounded
    }

    /// What multiplies bytes, if large products are to be of bytes.
    pub(crate) fn byte_unit(self) -> Option<ByteUnit> {
        match self.factors {
            Factors::Bytes(unit) => Some(unit),
            _ => None,
        }
    }

    /// The name people know: `amx`, `avx512`, `avx2`, `neon` or `portable`; with `, rounded` or `,
    /// bytes`.
    pub fn name(self) -> String {
        let kind = match self.kind {
            #[cfg(target_arch = "x86_64")]
            Kind::Amx => "amx",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => "neon",
            Kind::Portable => "portable",
        };
        let factors = match self.factors {
            Factors::Exact => "",
            Factors::Rounded => ", rounded",
            Factors::Bytes(_) => ", bytes",
        };
        format!("{kind}{factors}")
    }

    /// Runs `op` compiled for these instructions.
    pub(crate) fn run<Op: WithSimd>(self, op: Op) -> Op::Output {
        match self.kind {
            #[cfg(target_arch = "x86_64")]
            Kind::Amx | Kind::Avx512 => match pulp::x86::V4::try_new() {
                Some(simd) => pulp::Simd::vectorize(simd, op),
                None => unreachable!("was found on this processor"),
            },
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => match pulp::x86::V3::try_new() {
                Some(simd) => pulp::Simd::vectorize(simd, op),
                None => unreachable!("was found on this processor"),
            },
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => match pulp::aarch64::Neon::try_new() {
                Some(simd) => pulp::Simd::vectorize(simd, op),
                None => unreachable!("was found on this processor"),
            },
            Kind::Portable => pulp::Simd::vectorize(pulp::Scalar128b, op),
        }
    }
}

impl Default for Isa {
    fn default() -> Self {
        Self::detect()
    }
}
