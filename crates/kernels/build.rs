//! Compiles the CUDA kernels to PTX where the feature `cuda` is on: for compute capability 7.5, and for
//! 8.0, which has bfloat16. The driver makes machine code of it for the card at hand.

use std::env;
use std::path::PathBuf;
use std::process::Command;

const SOURCES: [&str; 3] = ["elementwise", "product", "window_attention"];
const CAPABILITIES: [&str; 2] = ["75", "80"];

fn main() {
    println!("cargo:rerun-if-changed=cuda");
    println!("cargo:rerun-if-env-changed=NVCC");
    println!("cargo:rustc-check-cfg=cfg(emulates_cuda)");
    // Where tests can run the kernels on the CPU: cuda/host.
    let target = env::var("TARGET").unwrap_or_default();
    if target == "x86_64-unknown-linux-gnu" {
        println!("cargo:rustc-cfg=emulates_cuda");
    }
    if env::var_os("CARGO_FEATURE_CUDA").is_none() {
        return;
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let nvcc = env::var_os("NVCC").unwrap_or_else(|| "nvcc".into());
    for source in SOURCES {
        for capability in CAPABILITIES {
            let mut command = Command::new(&nvcc);
            command
                .args(["-ptx", "-O3", "-std=c++17", "-Werror", "all-warnings"])
                .arg(format!("-arch=compute_{capability}"))
                .arg("-o")
                .arg(out.join(format!("{source}_{capability}.ptx")))
                .arg(format!("cuda/{source}.cu"));
            let status = command.status().unwrap_or_else(|error| {
                panic!(
                    "the feature `cuda` needs the CUDA compiler: cannot start {}: {error}; put nvcc \
                     into PATH or its path into NVCC",
                    nvcc.display()
                )
            });
            assert!(status.success(), "cuda/{source}.cu does not compile: {status}");
        }
    }
}
