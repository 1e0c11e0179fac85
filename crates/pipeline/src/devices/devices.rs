//! Which devices run the networks.

use crate::error::Error;
use portrait_kernels::{DeviceError, DeviceRequest};
use std::fmt;
use std::str::FromStr;

/// The devices that run the networks. Each gets a thread and, when it is first needed there, a
/// replica of each network of its own.
///
/// ```
/// use portrait_pipeline::Devices;
///
/// assert_eq!("cuda:0,2".parse(), Ok(Devices::Cuda(vec![0, 2])));
/// assert_eq!(Devices::default().to_string(), "auto");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Devices {
    /// The first CUDA device where the build and the machine have one, or else the CPU.
    #[default]
    Auto,
    /// The CPU: one network at a time, on all cores.
    Cpu,
    /// The CUDA devices with these ordinals; an error where one is missing, never the CPU instead.
    Cuda(Vec<usize>),
}

impl Devices {
    /// The device, where exactly one is asked for.
    ///
    /// # Errors
    /// [`Error::Option`] for several or none.
    pub fn single(&self) -> Result<DeviceRequest, Error> {
        match self.requests()?[..] {
            [request] => Ok(request),
            _ => Err(self.wrong("one device for this step")),
        }
    }

    /// What is to be opened, one by one.
    pub(crate) fn requests(&self) -> Result<Vec<DeviceRequest>, Error> {
        let ordinals = match self {
            Self::Cpu => return Ok(vec![DeviceRequest::Cpu]),
            Self::Auto => return Ok(vec![DeviceRequest::Auto]),
            Self::Cuda(ordinals) => ordinals,
        };
        let twice = ordinals.iter().enumerate().any(|(i, o)| ordinals[..i].contains(o));
        if ordinals.is_empty() || twice {
            return Err(self.wrong("at least one CUDA device, each once"));
        }
        Ok(ordinals.iter().map(|&ordinal| DeviceRequest::Cuda(ordinal)).collect())
    }

    fn wrong(&self, expected: &str) -> Error {
        Error::Option { option: "devices", value: self.to_string(), expected: expected.into() }
    }
}

impl From<DeviceRequest> for Devices {
    fn from(request: DeviceRequest) -> Self {
        match request {
            DeviceRequest::Cpu => Self::Cpu,
            DeviceRequest::Auto => Self::Auto,
            DeviceRequest::Cuda(ordinal) => Self::Cuda(vec![ordinal]),
        }
    }
}

impl fmt::Display for Devices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Auto => f.write_str("auto"),
            Self::Cuda(ordinals) => {
                let list: Vec<String> = ordinals.iter().map(ToString::to_string).collect();
                write!(f, "cuda:{}", list.join(","))
            }
        }
    }
}

impl FromStr for Devices {
    type Err = DeviceError;

    /// Reads `auto`, `cpu`, `cuda`, `cuda:1` or `cuda:0,1,2`.
    fn from_str(text: &str) -> Result<Self, DeviceError> {
        let Some(list) = text.strip_prefix("cuda:").filter(|list| list.contains(',')) else {
            return text.parse::<DeviceRequest>().map(Self::from);
        };
        let unknown = |_| DeviceError::Unknown(text.to_owned());
        let ordinals = list.split(',').map(|ordinal| ordinal.parse().map_err(unknown));
        Ok(Self::Cuda(ordinals.collect::<Result<_, _>>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_read_what_they_write() {
        for text in ["auto", "cpu", "cuda:0", "cuda:3", "cuda:0,1,7"] {
            assert_eq!(text.parse::<Devices>().unwrap().to_string(), text);
        }
        assert_eq!("cuda".parse(), Ok(Devices::Cuda(vec![0])));
        for wrong in ["", "gpu", "cuda:", "cuda:,", "cuda:0,", "cuda:0,x", "cpu,cuda:0"] {
            assert_eq!(wrong.parse::<Devices>(), Err(DeviceError::Unknown(wrong.into())));
        }
    }

    #[test]
    fn a_device_is_named_once() {
        assert!(Devices::Cuda(vec![]).requests().is_err());
        assert!(Devices::Cuda(vec![0, 1, 0]).requests().is_err());
        assert_eq!(Devices::Cuda(vec![2]).single().unwrap(), DeviceRequest::Cuda(2));
        let error = Devices::Cuda(vec![0, 1]).single().unwrap_err();
        assert!(error.to_string().contains("cuda:0,1"), "{error}");
    }
}
