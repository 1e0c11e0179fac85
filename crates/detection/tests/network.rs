//! The network: its parameters, its inputs, and what the official one computes.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, in its helpers too, and tells what it measured"
)]

use candle_core::{DType, Device, IndexOp, Shape, Tensor};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};
use portrait_detection::{Error, Naming, Variant, Yolov8, Yolov8Config, detect_naming};
use portrait_kernels::{Isa, Precision};
use portrait_test_support::{golden, repository_root, reproducible, test_data};
use std::collections::BTreeMap;
use std::error::Error as _;
use std::sync::{Arc, Mutex};

/// Name and shape.
type Parameter = (String, Vec<usize>);

/// Answers with zeros and keeps what was asked.
#[derive(Clone, Default)]
struct Recorder {
    asked: Arc<Mutex<Vec<Parameter>>>,
    naming: Option<Naming>,
}

impl SimpleBackend for Recorder {
    fn get(
        &self,
        shape: Shape,
        name: &str,
        _: Init,
        dtype: DType,
        device: &Device,
    ) -> candle_core::Result<Tensor> {
        self.asked.lock().unwrap().push((name.to_owned(), shape.dims().to_vec()));
        Tensor::zeros(shape, dtype, device)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> candle_core::Result<Tensor> {
        panic!("{name} was asked for without a shape")
    }

    fn contains_tensor(&self, name: &str) -> bool {
        detect_naming([name]).is_some_and(|naming| self.naming.is_none_or(|own| own == naming))
    }
}

/// What a network of this configuration asks for, sorted by name.
fn asked_for(config: &Yolov8Config, naming: Option<Naming>) -> Vec<Parameter> {
    let recorder = Recorder { naming, ..Default::default() };
    let backend = Box::new(recorder.clone());
    Yolov8::new(config, &VarBuilder::from_backend(backend, DType::F32, Device::Cpu)).unwrap();
    let mut asked = recorder.asked.lock().unwrap().clone();
    asked.sort();
    asked
}

const NAMES: [(&str, Variant); 5] =
    [("n", Variant::N), ("s", Variant::S), ("m", Variant::M), ("l", Variant::L), ("x", Variant::X)];

#[test]
fn every_variant_asks_for_the_published_parameters() {
    for (letter, variant) in NAMES {
        let list = format!("parity/names/yolov8{letter}_state_dict.txt");
        let Some(list) = test_data(&list) else { return };
        let mut published = reproducible::read_names(list);
        published.retain(|(name, _)| !name.ends_with("num_batches_tracked"));
        published.sort();
        let config = Yolov8Config::new(variant, 80);
        let asked = asked_for(&config, None);
        assert_eq!(asked, published, "yolov8{letter}");

        let mut renamed: Vec<_> = published
            .into_iter()
            .map(|(name, shape)| (Naming::Candle.file_name(&name), shape))
            .collect();
        renamed.sort();
        let names: Vec<_> = renamed.iter().map(|(name, _)| name).collect();
        assert_eq!(detect_naming(&names), Some(Naming::Candle));
        assert!(names.iter().all(|n| ["net.b", "fpn.n", "head."].iter().any(|p| n.starts_with(p))));
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "two parameters share a name");
        assert_eq!(asked_for(&config, Some(Naming::Candle)), renamed, "yolov8{letter}, candle");
    }
}

#[test]
fn the_number_of_classes_shapes_the_head_alone() {
    let [many, one] = [80, 1].map(|classes| {
        asked_for(&Yolov8Config::new(Variant::N, classes), None)
            .into_iter()
            .collect::<BTreeMap<_, _>>()
    });
    assert_eq!(one["model.22.cv3.0.2.weight"], [1, 64, 1, 1]);
    for (name, shape) in &many {
        let same = &one[name] == shape;
        assert!(same || name.starts_with("model.22.cv3."), "{name}");
    }
}

#[test]
fn every_manifest_describes_a_network() {
    for (letter, variant) in NAMES {
        let path = repository_root().join(format!("models/yolov8{letter}/manifest.toml"));
        let manifest: toml::Table =
            toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let config: Yolov8Config = manifest["architecture"].clone().try_into().unwrap();
        assert_eq!(config, Yolov8Config::new(variant, 80));
    }
}

fn reproducible_network(variant: Variant) -> Yolov8 {
    let weights = reproducible::var_builder(DType::F32, &Device::Cpu);
    Yolov8::new(&Yolov8Config::new(variant, 80), &weights).unwrap()
}

/// White noise in [0, 1).
fn input(shape: (usize, usize, usize, usize)) -> Tensor {
    ((reproducible::input(shape).unwrap() / 2.0).unwrap() + 1.0).unwrap().affine(0.5, 0.0).unwrap()
}

fn check_golden(letter: &str, variant: Variant, box_limit: f64, score_limit: f64) {
    let name = |what| format!("parity/goldens/yolov8{letter}_640x640_{what}.npy");
    let (Some(boxes), Some(scores)) = (test_data(&name("box")), test_data(&name("score_a7")))
    else {
        return;
    };
    let output = reproducible_network(variant).forward(&input((1, 3, 640, 640))).unwrap();
    assert_eq!(output.dims(), [1, 84, 8400]);
    let got = output.i((.., ..4)).unwrap();
    let (boxes, scores) = (golden::read(boxes).unwrap(), golden::read(scores).unwrap());
    golden::assert_close(&format!("yolov8{letter} 640 boxes (px)"), &got, &boxes, box_limit);
    let every_7th = Tensor::arange_step(0u32, 8400, 7, &Device::Cpu).unwrap();
    let got = output.i((.., 4..)).unwrap().contiguous().unwrap();
    let got = got.index_select(&every_7th, 2).unwrap();
    golden::assert_close(&format!("yolov8{letter} 640 scores"), &got, &scores, score_limit);
}

#[test]
fn nano_computes_what_the_official_one_does() {
    check_golden("n", Variant::N, 5e-3, 2e-5);
}

#[test]
fn medium_computes_what_the_official_one_does() {
    check_golden("m", Variant::M, 1e-3, 5e-6);
}

/// The same values on all vector instructions that this processor has.
#[test]
fn the_smallest_network_equals_the_official_one_on_every_isa() {
    for isa in Isa::available() {
        println!("{}:", isa.name());
        isa.with(|| check_golden("n", Variant::N, 5e-3, 2e-5));
    }
}

/// The same within what a matrix unit may round, a fiftieth of a pixel; without one, exactly the
/// same.
#[test]
fn a_rounded_network_is_hardly_another_one() {
    Precision::Tf32.build(&Device::Cpu, || {
        check_golden("n", Variant::N, 2e-2, 1e-4);
        check_golden("m", Variant::M, 4e-3, 2e-5);
    });
}

#[test]
fn a_batch_is_its_pictures() {
    let network = reproducible_network(Variant::N);
    let batch = input((2, 3, 64, 96));
    let together = network.forward(&batch).unwrap();
    assert_eq!(together.dims(), [2, 84, 12 * 8 + 6 * 4 + 3 * 2]);
    for index in 0..2 {
        let alone = network.forward(&batch.narrow(0, index, 1).unwrap()).unwrap();
        let together = together.narrow(0, index, 1).unwrap();
        golden::assert_close("batch, boxes and scores", &together, &alone, 1e-4);
    }
}

/// The same network through candle's own operations, in binary64.
#[test]
fn another_precision_takes_the_other_path_and_agrees() {
    let weights = reproducible::var_builder(DType::F64, &Device::Cpu);
    let exact = Yolov8::new(&Yolov8Config::new(Variant::N, 80), &weights).unwrap();
    assert_eq!(exact.dtype(), DType::F64);
    let input = input((1, 3, 96, 64));
    let want = exact.forward(&input).unwrap();
    assert_eq!(want.dtype(), DType::F32);
    let got = reproducible_network(Variant::N).forward(&input).unwrap();
    let rows = |t: &Tensor, rows: std::ops::Range<usize>| t.i((.., rows)).unwrap();
    golden::assert_close("f32 against f64, boxes", &rows(&got, 0..4), &rows(&want, 0..4), 5e-3);
    golden::assert_close("f32 against f64, scores", &rows(&got, 4..84), &rows(&want, 4..84), 2e-5);
}

#[test]
fn inputs_of_another_shape_are_refused() {
    let weights = VarBuilder::zeros(DType::F32, &Device::Cpu);
    let network = Yolov8::new(&Yolov8Config::new(Variant::N, 1), &weights).unwrap();
    for shape in
        [&[1, 3, 64, 65][..], &[1, 3, 0, 32], &[0, 3, 32, 32], &[1, 4, 32, 32], &[3, 32, 32]]
    {
        let input = Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap();
        let error = network.forward(&input).unwrap_err();
        assert!(matches!(&error, Error::InvalidInput { shape: got } if got == shape), "{error}");
    }
    let input = Tensor::zeros((1, 3, 32, 64), DType::F32, &Device::Cpu).unwrap();
    assert_eq!(network.forward(&input).unwrap().dims(), [1, 5, 42]);
}

fn tensors_of(config: &Yolov8Config) -> std::collections::HashMap<String, Tensor> {
    let tensor = |(name, shape): Parameter| {
        let values = reproducible::tensor(&name, &shape).unwrap();
        (name, Tensor::from_vec(values, shape, &Device::Cpu).unwrap())
    };
    asked_for(config, None).into_iter().map(tensor).collect()
}

#[test]
fn a_wrong_checkpoint_is_an_error_that_names_the_tensor() {
    let nano = Yolov8Config::new(Variant::N, 80);
    let good = tensors_of(&nano);
    let load = |tensors: &std::collections::HashMap<String, Tensor>, config: &Yolov8Config| {
        let weights = VarBuilder::from_tensors(tensors.clone(), DType::F32, &Device::Cpu);
        Yolov8::new(config, &weights)
    };
    assert!(load(&good, &nano).is_ok());

    let mut missing = good.clone();
    missing.remove("model.15.m.0.cv2.bn.running_mean");
    let mut infinite = good.clone();
    let values = Tensor::full(f32::INFINITY, 64, &Device::Cpu).unwrap();
    infinite.insert("model.22.cv2.1.2.bias".into(), values);
    let mut negative = good.clone();
    let values = Tensor::full(-1f32, 32, &Device::Cpu).unwrap();
    negative.insert("model.1.bn.running_var".into(), values);
    let other =
        [("bb.patch_embed.proj.weight".to_owned(), Tensor::new(1f32, &Device::Cpu).unwrap())];

    for (tensors, config, tensor) in [
        (&good, Yolov8Config::new(Variant::S, 80), "model.0.conv.weight"),
        (&good, Yolov8Config::new(Variant::N, 1), "model.22.cv3.0.0.conv.weight"),
        (&missing, nano, "model.15.m.0.cv2.bn.running_mean"),
        (&infinite, nano, "model.22.cv2.1.2.bias"),
        (&negative, nano, "model.1.bn"),
        (&other.into(), nano, "model.0.conv.weight"),
    ] {
        let error = load(tensors, &config).unwrap_err();
        assert!(matches!(error, Error::Weights(_)), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(tensor), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(error.source().is_some_and(|source| source.is::<candle_core::Error>()));
    }
    let bad = Yolov8Config { width: -1.0, ..nano };
    assert!(matches!(load(&good, &bad), Err(Error::InvalidConfig { field: "width", .. })));
}

#[test]
fn networks_go_from_thread_to_thread() {
    fn shared<T: Send + Sync>() {}
    shared::<Yolov8>();
    shared::<portrait_detection::Detector>();
}

/// The CUDA kernels, which run on this CPU here.
#[test]
fn the_cuda_kernels_find_what_the_cpu_does() {
    let input = input((1, 3, 64, 96));
    let want = reproducible_network(Variant::N).forward(&input).unwrap();
    for (dtype, boxes, scores) in
        [(DType::F32, 5e-3, 2e-5), (DType::F16, 0.1, 2e-3), (DType::BF16, 0.5, 1e-2)]
    {
        let run = || {
            let weights = reproducible::var_builder(dtype, &Device::Cpu);
            let network = Yolov8::new(&Yolov8Config::new(Variant::N, 80), &weights).unwrap();
            network.forward(&input).unwrap()
        };
        let Some(got) = portrait_kernels::emulating_cuda(run) else { return };
        let rows = |t: &Tensor, rows: std::ops::Range<usize>| t.i((.., rows)).unwrap();
        let name = |what| format!("{dtype:?} by the CUDA kernels, {what}");
        golden::assert_close(&name("boxes"), &rows(&got, 0..4), &rows(&want, 0..4), boxes);
        golden::assert_close(&name("scores"), &rows(&got, 4..84), &rows(&want, 4..84), scores);
    }
}
