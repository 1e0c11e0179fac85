//! Weights that are a pure function of a parameter's name, shape and element index.
//!
//! Uniform noise comes from splitmix64 seeded by FNV-1a of the name; base and scale depend on the
//! kind of the parameter. All arithmetic is exact or IEEE binary64 with one rounding to binary32,
//! so every implementation of this page produces the same bits.

use candle_core::{DType, Device, Error, Result, Shape, Tensor};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// `(substring of the name, gain of a weight, gain of a bias)`; the first match wins.
const GAINS: [(&str, f64, f64); 12] = [
    (".offset_conv.", 2.5, 20.0),
    (".modulator_conv.", 1.5, 10.0),
    ("gdt_convs_attn_", 1.0, 10.0),
    (".dec_att.", 1.7, 1.0),
    ("decoder.ipt_blk", 0.7, 1.0),
    ("decoder.conv_out1.", 2.0, 1.0),
    ("decoder.lateral_block", 0.7, 1.0),
    (".conv_out.", 1.6, 1.0),
    ("relative_position_bias_table", 4.0, 1.0),
    (".attn.qkv.", 1.4, 4.0),
    (".attn.proj.", 2.0, 1.0),
    ("model.", 1.7, 4.0),
];

enum Kind {
    Skipped,
    Ramp,
    Noise { base: f64, scale: f64, positive: bool },
}

fn kind(name: &str, shape: &[usize]) -> Option<Kind> {
    let (gain, bias_gain) = GAINS
        .iter()
        .find(|(key, ..)| name.contains(key))
        .map_or((1.0, 1.0), |&(_, gain, bias_gain)| (gain, bias_gain));
    let noise = |base, scale| Kind::Noise { base, scale, positive: false };
    Some(if name.ends_with("num_batches_tracked") || name.ends_with("relative_position_index") {
        Kind::Skipped
    } else if name.ends_with("dfl.conv.weight") {
        Kind::Ramp
    } else if name.ends_with("relative_position_bias_table") {
        noise(0.0, 0.2 * gain)
    } else if name.ends_with("running_mean") {
        noise(0.0, 0.1)
    } else if name.ends_with("running_var") {
        Kind::Noise { base: 1.0, scale: 0.5, positive: true }
    } else if name == "bias" || name.ends_with(".bias") {
        noise(0.0, 0.05 * bias_gain)
    } else if name.ends_with("weight") && shape.len() == 1 {
        noise(1.0, 0.1)
    } else if name.ends_with("weight") && shape.len() >= 2 {
        let fan_in: usize = shape[1..].iter().product();
        noise(0.0, (3.0 / fan_in as f64).sqrt() * gain)
    } else if name == "input" || name.starts_with("input.") {
        noise(0.0, 2.0)
    } else {
        return None;
    })
}

fn fnv1a64(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    })
}

/// Noise in `[-1, 1)`, exact in binary32.
fn uniform(seed: u64, index: u64) -> f64 {
    let z = seed.wrapping_add((index + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let x = z ^ (z >> 31);
    2.0 * ((x >> 40) as f64 / f64::from(1u32 << 24)) - 1.0
}

/// The values of the parameter `name` with this shape, in row-major order.
///
/// `None` for what a model computes itself (`relative_position_index`), for counters, and for
/// names that follow no rule. The name `input` gives a network's input in `[-2, 2)`.
pub fn tensor(name: &str, shape: &[usize]) -> Option<Vec<f32>> {
    let count: usize = shape.iter().product();
    match kind(name, shape)? {
        Kind::Skipped => None,
        Kind::Ramp => Some((0..count).map(|i| i as f32).collect()),
        Kind::Noise { base, scale, positive } => {
            let seed = fnv1a64(name);
            let value = |i| {
                let v = uniform(seed, i as u64);
                (base + scale * if positive { v.abs() } else { v }) as f32
            };
            Some((0..count).map(value).collect())
        }
    }
}

/// The network input of this shape, `(batch, 3, height, width)`, white noise in `[-2, 2)`.
pub fn input(shape: (usize, usize, usize, usize)) -> Result<Tensor> {
    let (b, c, h, w) = shape;
    Reproducible.get_named("input", &[b, c, h, w], &Device::Cpu)
}

/// A [`VarBuilder`] that answers every name and shape with its reproducible values.
pub fn var_builder(dtype: DType, device: &Device) -> VarBuilder<'static> {
    VarBuilder::from_backend(Box::new(Reproducible), dtype, device.clone())
}

/// A [`VarBuilder`] as [`var_builder`] gives it, and the names and shapes it was asked for.
pub fn recording_var_builder(device: &Device) -> (VarBuilder<'static>, Asked) {
    let asked = Asked::default();
    let backend = Box::new(Recorder(asked.clone()));
    (VarBuilder::from_backend(backend, DType::F32, device.clone()), asked)
}

/// The parameters a model asked for, by name.
#[derive(Clone, Default)]
pub struct Asked(Arc<Mutex<BTreeMap<String, Vec<usize>>>>);

impl Asked {
    /// Names and shapes, sorted by name.
    ///
    /// # Panics
    /// If a thread panicked while it asked.
    pub fn names(&self) -> BTreeMap<String, Vec<usize>> {
        self.0.lock().expect("no thread panicked while it asked").clone()
    }
}

struct Recorder(Asked);

impl SimpleBackend for Recorder {
    fn get(&self, s: Shape, name: &str, h: Init, dtype: DType, dev: &Device) -> Result<Tensor> {
        let mut asked = self.0.0.lock().map_err(|_| Error::Msg("the recorder broke".into()))?;
        asked.insert(name.to_owned(), s.dims().to_vec());
        Reproducible.get(s, name, h, dtype, dev)
    }

    fn get_unchecked(&self, name: &str, dtype: DType, dev: &Device) -> Result<Tensor> {
        Reproducible.get_unchecked(name, dtype, dev)
    }

    fn contains_tensor(&self, name: &str) -> bool {
        Reproducible.contains_tensor(name)
    }
}

struct Reproducible;

impl Reproducible {
    fn get_named(&self, name: &str, shape: &[usize], device: &Device) -> Result<Tensor> {
        let values = tensor(name, shape)
            .ok_or_else(|| Error::Msg(format!("no reproducible values for `{name}` {shape:?}")))?;
        Tensor::from_vec(values, shape, device)
    }
}

impl SimpleBackend for Reproducible {
    fn get(&self, s: Shape, name: &str, _: Init, dtype: DType, dev: &Device) -> Result<Tensor> {
        self.get_named(name, s.dims(), dev)?.to_dtype(dtype)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> Result<Tensor> {
        Err(Error::Msg(format!("`{name}`: reproducible weights need a shape")))
    }

    fn contains_tensor(&self, _: &str) -> bool {
        true
    }
}

/// Reads a list of parameters, a line each: name, shape (`96x3x4x4` or `scalar`), type.
///
/// # Panics
/// If the file cannot be read or a line has another form.
pub fn read_names(path: impl AsRef<std::path::Path>) -> Vec<(String, Vec<usize>)> {
    let path = path.as_ref();
    let text = std::fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    text.lines()
        .map(|line| {
            let mut fields = line.split_whitespace();
            let (Some(name), Some(shape)) = (fields.next(), fields.next()) else {
                panic!("{}: not a parameter: {line}", path.display());
            };
            let shape = match shape {
                "scalar" => vec![],
                dims => dims
                    .split('x')
                    .map(|dim| dim.parse().unwrap_or_else(|_| panic!("not a shape: {line}")))
                    .collect(),
            };
            (name.to_owned(), shape)
        })
        .collect()
}

/// Writes a checkpoint with the reproducible values of all `names` in this data type.
pub fn write_checkpoint(
    names: &[(String, Vec<usize>)],
    dtype: DType,
    path: impl AsRef<std::path::Path>,
) -> Result<()> {
    let mut tensors = std::collections::HashMap::new();
    for (name, shape) in names {
        if let Some(values) = tensor(name, shape) {
            let tensor = Tensor::from_vec(values, shape.as_slice(), &Device::Cpu)?;
            tensors.insert(name.clone(), tensor.to_dtype(dtype)?);
        }
    }
    candle_core::safetensors::save(&tensors, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known answers of the generator's specification, as bits of the binary32 value.
    #[test]
    fn known_answers() {
        let attention = "bb.layers.0.blocks.0.attn";
        let deform = "decoder.decoder_block4.dec_att.aspp_deforms.2.atrous_conv";
        let known: [(String, &[usize], usize, u32); 14] = [
            ("bb.patch_embed.proj.weight".into(), &[96, 3, 4, 4], 0, 0xBE3A_78C6),
            ("bb.patch_embed.proj.weight".into(), &[96, 3, 4, 4], 4607, 0x3E78_04B0),
            ("bb.layers.0.blocks.0.norm1.weight".into(), &[96], 5, 0x3F87_2EDE),
            (format!("{attention}.qkv.bias"), &[288], 7, 0xBD45_2DBA),
            (format!("{attention}.relative_position_bias_table"), &[169, 3], 100, 0x3E74_E820),
            ("bb.layers.2.blocks.17.mlp.fc1.weight".into(), &[3072, 768], 2_359_295, 0xBCAF_5BB0),
            ("squeeze_module.0.bn_in.running_var".into(), &[64], 3, 0x3F88_FF64),
            ("squeeze_module.0.bn_in.running_mean".into(), &[64], 3, 0x3D96_E590),
            (format!("{deform}.offset_conv.weight"), &[98, 64, 7, 7], 12345, 0xBD00_53B3),
            ("decoder.decoder_block1.conv_out.bias".into(), &[96], 11, 0xBD41_0ED8),
            ("decoder.conv_out1.0.weight".into(), &[1, 120, 1, 1], 119, 0x3DE2_6014),
            ("model.0.conv.weight".into(), &[16, 3, 3, 3], 42, 0xBF0B_9314),
            ("model.22.dfl.conv.weight".into(), &[1, 16, 1, 1], 9, 0x4110_0000),
            ("input".into(), &[1, 3, 256, 256], 196_607, 0x3FBF_3B94),
        ];
        for (name, shape, index, bits) in known {
            let value = tensor(&name, shape).unwrap()[index];
            assert_eq!(value.to_bits(), bits, "{name}[{index}] = {value}");
        }
    }

    #[test]
    fn fnv1a_of_short_words() {
        assert_eq!(fnv1a64(""), 0xCBF2_9CE4_8422_2325);
        assert_eq!(fnv1a64("a"), 0xAF63_DC4C_8601_EC8C);
        assert_eq!(fnv1a64("foobar"), 0x8594_4171_F739_67E8);
    }

    #[test]
    fn what_a_model_computes_has_no_values() {
        assert!(tensor("bb.layers.0.blocks.0.attn.relative_position_index", &[49, 49]).is_none());
        assert!(tensor("decoder.bn.num_batches_tracked", &[]).is_none());
        assert!(tensor("no.such.rule", &[3]).is_none());
    }
}
