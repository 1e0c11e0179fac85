//! Opening a device.

use crate::cpu::isa::Isa;
use candle_core::cuda::set_gemm_reduced_precision_f32;
use candle_core::{DType, Device};
use std::fmt;
use std::str::FromStr;

/// Which device a caller asks for.
///
/// ```
/// use portrait_kernels::DeviceRequest;
///
/// assert_eq!("cuda:1".parse(), Ok(DeviceRequest::Cuda(1)));
/// assert_eq!(DeviceRequest::Cpu.to_string(), "cpu");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DeviceRequest {
    /// The first CUDA device when the build and the machine have one, or else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The CUDA device with this ordinal; an error where there is none, never the CPU instead.
    Cuda(usize),
}

impl fmt::Display for DeviceRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(ordinal) => write!(f, "cuda:{ordinal}"),
        }
    }
}

impl FromStr for DeviceRequest {
    type Err = DeviceError;

    fn from_str(text: &str) -> Result<Self, DeviceError> {
        let unknown = || DeviceError::Unknown(text.to_owned());
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            _ => {
                let ordinal = text.strip_prefix("cuda:").ok_or_else(unknown)?;
                Ok(Self::Cuda(ordinal.parse().map_err(|_| unknown())?))
            }
        }
    }
}

/// The arithmetic of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Precision {
    /// Single precision.
    #[default]
    F32,
    /// Single precision in memory, whose products may round their factors: less exact, and faster
    /// where a matrix unit is. On a card from compute capability 8.0 on, products of matrices by
    /// cuBLAS round to TF32 (10 bits behind the point, as IEEE half precision has), convolutions
    /// and attention do not. On a CPU with AMX all large products round, to 16 bits; others run it
    /// as [`F32`](Self::F32).
    Tf32,
    /// Single precision in memory, whose large products round their factors to bytes (see
    /// [`Isa::in_bytes`]), without calibration: the fastest on a CPU, for small differences in
    /// mattes and boxes. Not on a card; a CPU without products of bytes runs it as
    /// [`F32`](Self::F32).
    Int8,
    /// IEEE half precision; not on a CPU.
    F16,
    /// bfloat16; not on a CPU.
    Bf16,
}

impl Precision {
    /// candle's name of it.
    pub fn dtype(self) -> DType {
        match self {
            Self::F32 | Self::Tf32 | Self::Int8 => DType::F32,
            Self::F16 => DType::F16,
            Self::Bf16 => DType::BF16,
        }
    }

    /// Builds a network in this precision: the layers that `work` makes on this thread, for a
    /// device, round their products where that is allowed.
    ///
    /// candle knows one answer for all cards of the process: on cards what was said last holds, for
    /// networks that are there already too.
    pub fn build<T>(self, device: &Device, work: impl FnOnce() -> T) -> T {
        if device.is_cuda() && self.dtype() == DType::F32 {
            set_gemm_reduced_precision_f32(self == Self::Tf32);
        }
        match self {
            Self::Tf32 if device.is_cpu() => Isa::detect().rounded().with(work),
            Self::Int8 if device.is_cpu() => Isa::detect().in_bytes().with(work),
            _ => work(),
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Tf32 => "tf32",
            Self::Int8 => "int8",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
        })
    }
}

impl FromStr for Precision {
    type Err = DeviceError;

    /// Reads `f32`, `tf32`, `int8`, `f16` or `bf16`.
    fn from_str(text: &str) -> Result<Self, DeviceError> {
        let known = [Self::F32, Self::Tf32, Self::Int8, Self::F16, Self::Bf16];
        let found = known.into_iter().find(|precision| precision.to_string() == text);
        found.ok_or_else(|| DeviceError::UnknownPrecision(text.to_owned()))
    }
}

/// Why a device cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// The text names no device.
    #[error("`{0}` is no device: use auto, cpu, cuda or cuda:N")]
    Unknown(String),
    /// The text names no precision.
    #[error("`{0}` is no precision: use f32, tf32, int8, f16 or bf16")]
    UnknownPrecision(String),
    /// The program was built without CUDA.
    #[error("cannot open cuda:{0}: this program was built without CUDA; use --device cpu")]
    NotBuilt(usize),
    /// The driver refused.
    #[error("cannot open cuda:{ordinal}: {reason}")]
    Cuda {
        /// The ordinal asked for.
        ordinal: usize,
        /// What the driver says.
        reason: String,
    },
}

/// Opens the device.
///
/// A CUDA device is opened on one stream of its own: load, run and copy out on the thread that
/// owns it, and clone the [`Device`] instead of opening the card again.
///
/// # Errors
/// [`DeviceError::NotBuilt`] for CUDA in a build without it, [`DeviceError::Cuda`] when the driver
/// refuses. [`DeviceRequest::Auto`] never fails.
pub fn open_device(request: DeviceRequest) -> Result<Device, DeviceError> {
    match request {
        DeviceRequest::Cpu => Ok(Device::Cpu),
        DeviceRequest::Auto => Ok(open_cuda(0).unwrap_or(Device::Cpu)),
        DeviceRequest::Cuda(ordinal) => open_cuda(ordinal),
    }
}

fn open_cuda(ordinal: usize) -> Result<Device, DeviceError> {
    if !candle_core::utils::cuda_is_available() {
        return Err(DeviceError::NotBuilt(ordinal));
    }
    let failed =
        |error: candle_core::Error| DeviceError::Cuda { ordinal, reason: error.to_string() };
    let device = Device::new_cuda_with_stream(ordinal).map_err(failed)?;
    #[cfg(feature = "cuda")]
    crate::cuda::prepare(&device).map_err(failed)?;
    Ok(device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_reads_what_it_writes() {
        for request in [DeviceRequest::Auto, DeviceRequest::Cpu, DeviceRequest::Cuda(3)] {
            assert_eq!(request.to_string().parse(), Ok(request));
        }
        assert_eq!("cuda".parse(), Ok(DeviceRequest::Cuda(0)));
        for wrong in ["", "gpu", "cuda:", "cuda:x", "cuda:-1"] {
            assert_eq!(wrong.parse::<DeviceRequest>(), Err(DeviceError::Unknown(wrong.into())));
        }
    }

    #[test]
    fn every_precision_reads_what_it_writes() {
        for name in ["f32", "tf32", "int8", "f16", "bf16"] {
            assert_eq!(name.parse::<Precision>().unwrap().to_string(), name);
        }
        let wrong = "fp16".parse::<Precision>();
        assert_eq!(wrong, Err(DeviceError::UnknownPrecision("fp16".into())));
    }

    #[test]
    fn cuda_is_never_replaced_by_the_cpu() {
        if !candle_core::utils::cuda_is_available() {
            let error = open_device(DeviceRequest::Cuda(0)).unwrap_err();
            assert_eq!(error, DeviceError::NotBuilt(0));
        }
        assert!(open_device(DeviceRequest::Auto).is_ok());
    }
}
