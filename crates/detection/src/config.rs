//! The five sizes of YOLOv8.

use crate::error::{Error, Result};
use serde::Deserialize;

/// The published sizes, from nano to extra large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the letters are the published names")]
pub enum Variant {
    N,
    S,
    M,
    L,
    X,
}

impl Variant {
    /// Every size, smallest first.
    pub const ALL: [Self; 5] = [Self::N, Self::S, Self::M, Self::L, Self::X];

    /// `(depth, width, max_channels)`, the table `scales` of Ultralytics' `yolov8.yaml`.
    fn scale(self) -> (f64, f64, usize) {
        match self {
            Self::N => (0.33, 0.25, 1024),
            Self::S => (0.33, 0.50, 1024),
            Self::M => (0.67, 0.75, 768),
            Self::L => (1.00, 1.00, 512),
            Self::X => (1.00, 1.25, 512),
        }
    }
}

/// What a YOLOv8 detection network is built from.
///
/// Deserialises from the `[architecture]` table of a manifest, which names the size and the
/// number of classes; anything else in it is an error:
///
/// ```
/// use portrait_detection::{Variant, Yolov8Config};
///
/// let config: Yolov8Config = toml::from_str("variant = \"m\"\nclasses = 80")?;
/// assert_eq!(config, Yolov8Config::new(Variant::M, 80));
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "Architecture")]
pub struct Yolov8Config {
    /// Factor on the number of bottlenecks of each stage.
    pub depth: f64,
    /// Factor on the channels of each stage.
    pub width: f64,
    /// Upper bound of a stage's channels before the factor.
    pub max_channels: usize,
    /// How many classes the head tells apart, at least 1; 80 for COCO.
    pub classes: usize,
}

impl Yolov8Config {
    /// A published size with this many classes.
    pub fn new(variant: Variant, classes: usize) -> Self {
        let (depth, width, max_channels) = variant.scale();
        Self { depth, width, max_channels, classes }
    }

    /// Checks that the numbers describe a network.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] naming the first field that does not fit.
    pub fn check(&self) -> Result<()> {
        let invalid = |field, value: &dyn ToString, expected| {
            Err(Error::InvalidConfig { field, value: value.to_string(), expected })
        };
        let factor = |value: f64| value.is_finite() && value > 0.0 && value <= 8.0;
        if !factor(self.depth) {
            return invalid("depth", &self.depth, "a factor above 0 and up to 8");
        }
        if !factor(self.width) {
            return invalid("width", &self.width, "a factor above 0 and up to 8");
        }
        if self.max_channels == 0 {
            return invalid("max_channels", &self.max_channels, "at least 1");
        }
        if self.classes == 0 {
            return invalid("classes", &self.classes, "at least 1");
        }
        Ok(())
    }

    /// Channels of a stage that has `base` of them at factor 1: a multiple of 8.
    pub(crate) fn channels(&self, base: usize) -> usize {
        let scaled = base.min(self.max_channels) as f64 * self.width;
        (scaled / 8.0).ceil() as usize * 8
    }

    /// Bottlenecks of a stage that has `base` of them at factor 1.
    pub(crate) fn repeats(&self, base: usize) -> usize {
        ((base as f64 * self.depth).round_ties_even() as usize).max(1)
    }
}

/// The table of a manifest.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Architecture {
    variant: Variant,
    classes: usize,
}

impl TryFrom<Architecture> for Yolov8Config {
    type Error = Error;

    fn try_from(Architecture { variant, classes }: Architecture) -> Result<Self> {
        let config = Self::new(variant, classes);
        config.check()?;
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_and_repeats_of_the_published_sizes() {
        let sizes = Variant::ALL.map(|variant| {
            let config = Yolov8Config::new(variant, 80);
            (
                [64, 256, 512, 1024].map(|base| config.channels(base)),
                config.repeats(3),
                config.repeats(6),
            )
        });
        assert_eq!(
            sizes,
            [
                ([16, 64, 128, 256], 1, 2),
                ([32, 128, 256, 512], 1, 2),
                ([48, 192, 384, 576], 2, 4),
                ([64, 256, 512, 512], 3, 6),
                ([80, 320, 640, 640], 3, 6),
            ]
        );
    }

    #[test]
    fn a_table_with_anything_else_is_refused() {
        let parse = |text: &str| toml::from_str::<Yolov8Config>(text).map_err(|e| e.to_string());
        assert_eq!(parse("variant = 'x'\nclasses = 1"), Ok(Yolov8Config::new(Variant::X, 1)));
        for (text, message) in [
            ("variant = 'n'\nclasses = 80\nwidth = 2", "unknown field `width`"),
            ("variant = 'z'\nclasses = 80", "unknown variant `z`"),
            ("variant = 'n'", "missing field `classes`"),
            ("variant = 'n'\nclasses = 0", "cannot have classes 0"),
            ("variant = 'n'\nclasses = -1", "invalid value"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(message), "{text}: {error}");
        }
    }

    #[test]
    fn impossible_numbers_are_refused() {
        let good = Yolov8Config::new(Variant::N, 80);
        assert!(good.check().is_ok());
        for (bad, field) in [
            (Yolov8Config { depth: f64::NAN, ..good }, "depth"),
            (Yolov8Config { width: 0.0, ..good }, "width"),
            (Yolov8Config { max_channels: 0, ..good }, "max_channels"),
            (Yolov8Config { classes: 0, ..good }, "classes"),
        ] {
            assert!(bad.check().unwrap_err().to_string().contains(field), "{bad:?}");
        }
    }
}
