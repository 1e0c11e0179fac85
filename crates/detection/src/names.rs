//! How checkpoints name the parameters.
//!
//! The network asks by the names of Ultralytics' state dict (`model.0.conv.weight`). The files of
//! the hub's `lmz/candle-yolo-v8` carry the names of candle's example `yolo-v8` instead. Inside a
//! block both agree (`conv`, `bn`, `cv1`, `cv2`, and the head's `cv2.0.0`, `dfl`), except that the
//! bottlenecks of a C2f are `bottleneck.N` there and `m.N` here.
//!
//! The table was checked against the parameters that the example's `model.rs` asks for, name by
//! name. The files themselves could not be looked at: whether they hold further tensors, such as
//! `num_batches_tracked`, is not known and does not matter, since only what is asked for is read.

/// `(Ultralytics, candle)`: the name of a stage. `net` is the backbone, `fpn` the neck.
const STAGES: [(&str, &str); 17] = [
    ("model.0", "net.b1.0"),
    ("model.1", "net.b1.1"),
    ("model.2", "net.b2.0"),
    ("model.3", "net.b2.1"),
    ("model.4", "net.b2.2"),
    ("model.5", "net.b3.0"),
    ("model.6", "net.b3.1"),
    ("model.7", "net.b4.0"),
    ("model.8", "net.b4.1"),
    ("model.9", "net.b5.0"),
    ("model.12", "fpn.n1"),
    ("model.15", "fpn.n2"),
    ("model.16", "fpn.n3"),
    ("model.18", "fpn.n4"),
    ("model.19", "fpn.n5"),
    ("model.21", "fpn.n6"),
    ("model.22", "head"),
];

/// Whose names the parameters of a file bear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Naming {
    /// Ultralytics' state dict: `model.0.conv.weight`.
    Ultralytics,
    /// candle's example `yolo-v8`: `net.b1.0.conv.weight`.
    Candle,
}

impl Naming {
    /// The name in a file of the parameter that Ultralytics calls `name`.
    ///
    /// Names that belong to no stage of the network are returned as they are.
    ///
    /// ```
    /// use portrait_detection::Naming;
    ///
    /// let name = Naming::Candle.file_name("model.12.m.0.cv1.bn.bias");
    /// assert_eq!(name, "fpn.n1.bottleneck.0.cv1.bn.bias");
    /// ```
    pub fn file_name(self, name: &str) -> String {
        match self {
            Self::Ultralytics => name.to_owned(),
            Self::Candle => candle_name(name).unwrap_or_else(|| name.to_owned()),
        }
    }

    /// A parameter that every file with these names holds: the first convolution.
    pub(crate) fn first_parameter(self) -> String {
        self.file_name("model.0.conv.weight")
    }
}

fn candle_name(name: &str) -> Option<String> {
    STAGES.iter().find_map(|(ultralytics, candle)| {
        let rest = name.strip_prefix(ultralytics)?.strip_prefix('.')?;
        Some(match rest.strip_prefix("m.") {
            Some(bottleneck) => format!("{candle}.bottleneck.{bottleneck}"),
            None => format!("{candle}.{rest}"),
        })
    })
}

/// Finds out whose names these tensors of a file bear, or `None` for the names of another network.
///
/// ```
/// use portrait_detection::{Naming, detect_naming};
///
/// assert_eq!(detect_naming(["head.dfl.conv.weight", "net.b1.0.conv.weight"]), Some(Naming::Candle));
/// assert_eq!(detect_naming(["bb.norm0.weight"]), None);
/// ```
pub fn detect_naming<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> Option<Naming> {
    let namings = [Naming::Ultralytics, Naming::Candle].map(|n| (n, n.first_parameter()));
    names.into_iter().find_map(|name| {
        let (naming, _) = namings.iter().find(|(_, first)| first == name.as_ref())?;
        Some(*naming)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_stage() {
        for (ultralytics, candle) in [
            ("model.0.conv.weight", "net.b1.0.conv.weight"),
            ("model.1.bn.running_var", "net.b1.1.bn.running_var"),
            ("model.2.cv1.conv.weight", "net.b2.0.cv1.conv.weight"),
            ("model.6.m.3.cv2.bn.weight", "net.b3.1.bottleneck.3.cv2.bn.weight"),
            ("model.9.cv2.bn.bias", "net.b5.0.cv2.bn.bias"),
            ("model.19.conv.weight", "fpn.n5.conv.weight"),
            ("model.21.m.0.cv1.conv.weight", "fpn.n6.bottleneck.0.cv1.conv.weight"),
            ("model.22.cv2.0.0.conv.weight", "head.cv2.0.0.conv.weight"),
            ("model.22.cv3.2.2.bias", "head.cv3.2.2.bias"),
            ("model.22.dfl.conv.weight", "head.dfl.conv.weight"),
        ] {
            assert_eq!(Naming::Candle.file_name(ultralytics), candle);
            assert_eq!(Naming::Ultralytics.file_name(ultralytics), ultralytics);
        }
    }

    #[test]
    fn other_names_stay_as_they_are() {
        for name in ["model.10.weight", "model.220.bias", "model", "decoder.conv.weight", ""] {
            assert_eq!(Naming::Candle.file_name(name), name);
        }
    }

    #[test]
    fn detection_of_the_naming() {
        assert_eq!(
            detect_naming(["model.22.dfl.conv.weight", "model.0.conv.weight"]),
            Some(Naming::Ultralytics)
        );
        assert_eq!(detect_naming([String::from("net.b1.0.conv.weight")]), Some(Naming::Candle));
        assert_eq!(detect_naming(Vec::<String>::new()), None);
    }
}
