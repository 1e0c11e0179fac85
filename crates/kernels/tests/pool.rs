//! The only test of its program, which counts its threads.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::print_stdout, reason = "a test tells when it skips")]

use candle_core::{DType, Device, Tensor};
use portrait_kernels::{Activation, Conv2d, Conv2dParams, Linear};

fn threads() -> Option<usize> {
    Some(std::fs::read_dir("/proc/self/task").ok()?.count())
}

/// Whoever gives a pool decides how many threads work: no others are started beside it.
#[test]
fn operations_run_in_the_pool_they_are_called_in() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    // All of them have begun.
    pool.broadcast(|_| ());
    let Some(before) = threads() else {
        println!("SKIPPED: this system does not list the threads of a program");
        return;
    };
    let y = pool.install(|| {
        let weight = Tensor::ones((64, 64, 3, 3), DType::F32, &Device::Cpu)?;
        let params = Conv2dParams { padding: 1, ..Default::default() };
        let conv = Conv2d::new(&weight, None, params, Activation::Silu)?;
        let linear = Linear::new(
            &weight.narrow(2, 0, 1)?.narrow(3, 0, 1)?.flatten(1, 3)?,
            None,
            Activation::Gelu,
        )?;
        linear.forward(&conv.forward(&Tensor::ones((1, 64, 64, 64), DType::F32, &Device::Cpu)?)?)
    });
    assert_eq!(y.unwrap().dims(), [1, 64, 64, 64]);
    assert_eq!(threads(), Some(before));
}
