//! Handing tensors to candle.

#![allow(clippy::unwrap_used)] // Helpers of tests, like the tests, may fail by a panic.

mod support;

use std::path::PathBuf;

use candle_core::{DType, Device, Error as CandleError};
use half::{bf16, f16};
use portrait_weights::{Checkpoint, Dtype, Error, Manifest};
use support::{f32s, file, safetensors, small};
use tempfile::TempDir;

const CPU: Device = Device::Cpu;

fn open(bytes: &[u8]) -> (TempDir, PathBuf, Checkpoint) {
    let (folder, path) = file(bytes);
    let checkpoint = Checkpoint::open(&path).unwrap();
    (folder, path, checkpoint)
}

#[test]
fn every_float_type_is_converted_to_the_asked_one() {
    let values = [0.0f32, -1.5, 0.333_251_95, 65_504.0];
    let checkpoint = open(&safetensors(&[
        (
            "half",
            Dtype::F16,
            vec![2, 2],
            values.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()).collect(),
        ),
        (
            "brain",
            Dtype::BF16,
            vec![4],
            values.iter().flat_map(|v| bf16::from_f32(*v).to_le_bytes()).collect(),
        ),
        ("single", Dtype::F32, vec![4], f32s(&values)),
        (
            "double",
            Dtype::F64,
            vec![4],
            values.iter().flat_map(|v| f64::from(*v).to_le_bytes()).collect(),
        ),
        ("count", Dtype::I64, vec![], 12i64.to_le_bytes().to_vec()),
    ]))
    .2;
    let f32s = checkpoint.var_builder(DType::F32, &CPU);
    let flat =
        |name| f32s.get_unchecked(name).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
    // These values are exact in half precision.
    assert_eq!(flat("half"), values);
    assert_eq!(flat("single"), values);
    assert_eq!(flat("double"), values);
    assert_eq!(flat("brain"), values.map(|v| bf16::from_f32(v).to_f32()));
    assert_eq!(flat("count"), [12.0]);

    for dtype in [DType::F16, DType::BF16, DType::F32, DType::F64] {
        let weights = checkpoint.var_builder(dtype, &CPU);
        for name in ["half", "brain", "single", "double"] {
            let shape = checkpoint.shape(name).unwrap();
            let tensor = weights.get(shape, name).unwrap();
            assert_eq!((tensor.dtype(), tensor.dims()), (dtype, shape), "{name}");
        }
    }
    let halves = checkpoint.var_builder(DType::F16, &CPU).get((2, 2), "half").unwrap();
    assert_eq!(halves.to_vec2::<f16>().unwrap()[1][1], f16::from_f32(65_504.0));
}

#[test]
fn a_tensor_at_an_odd_address_is_read_right() {
    // A header whose length is not a multiple of the element size puts the data out of line.
    for spaces in 0..8 {
        let header = format!(
            r#"{{"w":{{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}{}}}"#,
            " ".repeat(spaces)
        );
        let checkpoint = open(&support::with_header(&header, &f32s(&[2.5, -7.0]))).2;
        let tensor = checkpoint.var_builder(DType::F32, &CPU).get(2, "w").unwrap();
        assert_eq!(tensor.to_vec1::<f32>().unwrap(), [2.5, -7.0]);
    }
}

#[test]
fn the_builder_outlives_the_checkpoint_and_moves_between_threads() {
    let (_folder, _, checkpoint) = open(&small());
    let weights = checkpoint.var_builder(DType::F32, &CPU).pp("conv");
    drop(checkpoint);
    let sum = std::thread::spawn(move || {
        assert!(weights.contains_tensor("bias") && !weights.contains_tensor("gamma"));
        weights.get((2, 3), "weight").unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap()
    });
    assert_eq!(sum.join().unwrap(), 15.0);
}

#[test]
fn a_missing_tensor_names_the_file_and_the_tensor() {
    let (_folder, path, checkpoint) = open(&small());
    let error = checkpoint.var_builder(DType::F32, &CPU).pp("bb").get(3, "norm").unwrap_err();
    let ours = Error::from_candle(error).unwrap();
    let Error::MissingTensor { path: told, tensor, count, example, .. } = &ours else {
        panic!("{ours}")
    };
    assert_eq!((told, tensor.as_str(), *count), (&path, "bb.norm", 2));
    assert_eq!(example.as_deref(), Some("conv.bias"));
    assert!(ours.to_string().contains("another model"), "{ours}");
    assert_eq!(ours.to_string().lines().count(), 1);
}

#[test]
fn another_shape_names_both() {
    let (_folder, path, checkpoint) = open(&small());
    let error = checkpoint.var_builder(DType::F32, &CPU).get((3, 2), "conv.weight").unwrap_err();
    assert!(error.to_string().contains("expected shape [3, 2], found [2, 3]"), "{error}");
    let ours = Error::from_candle(error).unwrap();
    let Error::WrongShape { path: told, tensor, expected, found } = &ours else { panic!("{ours}") };
    assert_eq!((told, tensor.as_str()), (&path, "conv.weight"));
    assert_eq!((expected.as_slice(), found.as_slice()), ([3, 2].as_slice(), [2, 3].as_slice()));
}

#[test]
fn a_type_that_candle_lacks_is_told_when_asked_for() {
    let checkpoint = open(&safetensors(&[("mask", Dtype::BOOL, vec![2], vec![0, 1])])).2;
    let error = checkpoint.var_builder(DType::F32, &CPU).get(2, "mask").unwrap_err();
    let ours = Error::from_candle(error).unwrap();
    assert!(
        matches!(&ours, Error::UnsupportedDtype { tensor, dtype, .. } if tensor == "mask" && dtype == "BOOL"),
        "{ours}"
    );
}

#[test]
fn names_can_be_mapped() {
    let (_folder, _, checkpoint) = open(&small());
    let weights =
        checkpoint.var_builder_renamed(DType::F32, &CPU, |name| name.replace("model.0.", "conv."));
    assert!(weights.contains_tensor("model.0.bias"));
    let bias = weights.pp("model").pp("0").get(2, "bias").unwrap();
    assert_eq!(bias.to_vec1::<f32>().unwrap(), [-1.0, 1.0]);

    let error = Error::from_candle(weights.get(2, "model.0.scale").unwrap_err()).unwrap();
    let Error::MissingTensor { tensor, in_file, .. } = &error else { panic!("{error}") };
    assert_eq!((tensor.as_str(), in_file.as_str()), ("model.0.scale", "conv.scale"));
    assert!(error.to_string().contains("in the file: `conv.scale`"), "{error}");
}

#[test]
fn our_error_is_found_under_what_candle_puts_around_it() {
    use candle_core::error::Context;
    let ours = || CandleError::from(Error::Empty { path: "x".into() });
    let is_ours = |error: CandleError| {
        assert!(Error::in_candle(&error).is_some(), "{error}");
        matches!(Error::from_candle(error), Ok(Error::Empty { .. }))
    };
    assert!(is_ours(ours()));
    assert!(is_ours(ours().context("building the backbone")));
    assert!(is_ours(ours().with_path("a/path")));
    assert!(is_ours(ours().context("inner").with_path("p").context("outer")));
    assert!(is_ours(Err::<(), _>(ours()).context("wrapped").unwrap_err()));
    assert!(is_ours(
        Err::<(), _>(Error::Empty { path: "x".into() }).context("wrapped").unwrap_err()
    ));
    let traced = CandleError::WithBacktrace {
        inner: Box::new(ours()),
        backtrace: Box::new(std::backtrace::Backtrace::force_capture()),
    };
    assert!(is_ours(traced));

    for other in [
        CandleError::Msg("something else".into()),
        CandleError::Io(std::io::Error::other("disk")),
        CandleError::Msg("below".into()).context("above"),
        Err::<(), _>(std::io::Error::other("disk")).context("wrapped").unwrap_err(),
    ] {
        let text = other.to_string();
        assert!(Error::in_candle(&other).is_none());
        assert_eq!(Error::from_candle(other).unwrap_err().to_string(), text);
    }
}

#[test]
fn a_trained_file_is_verified_and_read() {
    let Some(path) = portrait_test_support::test_data("weights/yolov8n.safetensors") else {
        return;
    };
    let checkpoint = Checkpoint::open(path).unwrap();
    assert_eq!(checkpoint.len(), 298);
    let manifest = r#"
        id = "trained"
        family = "yolov8"
        summary = "The trained file of the test data, as its README states it"
        file = "yolov8n.safetensors"
        size = 12698616
        sha256 = "fc05238b767f3b8ec61c107386b7351def8f8ef81a54cee877aada51defd850c"
        [licence]
        spdx = "AGPL-3.0-only"
        notice = ""
        [input]
        width = 640
        height = 640
        [architecture]
    "#;
    assert!(checkpoint.verify(&Manifest::parse(manifest).unwrap()).unwrap().pinned);
    let kernel = checkpoint.var_builder(DType::F16, &CPU).get((16, 3, 3, 3), "model.0.conv.weight");
    let largest = kernel.unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f16>().unwrap();
    assert!(largest.is_finite() && largest > f16::ZERO);
}
