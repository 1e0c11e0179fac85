//! Operations against what PyTorch and torchvision computed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use candle_core::Tensor;
use portrait_kernels::{Activation, DeformConv2d, resize_bilinear};
use portrait_test_support::{golden, test_data};

/// A channels-last image of one with channels first.
fn last(x: &Tensor) -> Tensor {
    x.permute((0, 2, 3, 1)).unwrap().contiguous().unwrap()
}

/// The opposite.
fn first(x: &Tensor) -> Tensor {
    x.permute((0, 3, 1, 2)).unwrap().contiguous().unwrap()
}

#[test]
fn deform_conv2d_equals_torchvision() {
    let cases = [
        ("k1_s1_p0", 1, 0),
        ("k3_p0_s1_p0", 1, 0),
        ("k3_s1_p1", 1, 1),
        ("k3_s2_s2_p1", 2, 1),
        ("k7_s1_p3", 1, 3),
    ];
    for (case, stride, padding) in cases {
        let Some(path) = test_data(&format!("parity/goldens/unit_dcn_{case}.npz")) else { return };
        let npz = candle_core::npy::NpzTensors::new(path).unwrap();
        let get = |name: &str| npz.get(name).unwrap();
        let [x, offset, mask, weight, want] =
            ["x", "offset", "mask", "weight", "y"].map(|name| get(name).expect(name));
        let bias = get("bias");
        let conv =
            DeformConv2d::new(&weight, bias.as_ref(), stride, padding, Activation::None).unwrap();
        let [x, offset, mask] = [x, offset, mask].map(|x| last(&x));
        let got = first(&conv.forward(&x, &offset, &mask).unwrap());
        golden::assert_close(&format!("unit_dcn_{case}"), &got, &want, 1e-6);
    }
}

#[test]
fn resize_bilinear_equals_torch() {
    let Some(path) = test_data("parity/goldens/unit_bilinear_ac.npz") else { return };
    for case in ["up2", "down2", "to1", "from1", "odd", "x8", "id"] {
        let names = [format!("{case}_in"), format!("{case}_out")];
        let [x, want]: [Tensor; 2] = golden::read_npz(&path, [&names[0], &names[1]]).unwrap();
        let (.., height, width) = want.dims4().unwrap();
        let got = first(&resize_bilinear(&last(&x), height, width).unwrap());
        golden::assert_close(&format!("unit_bilinear_{case}"), &got, &want, 2e-6);
    }
}
