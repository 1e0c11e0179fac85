//! Compiles the CUDA kernels to PTX where the feature `cuda` is on: for compute capability 7.5, and
//! for 8.0, which has bfloat16. The driver makes machine code of it for the card at hand.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCES: [&str; 5] = ["elementwise", "fusion", "matting", "product", "window_attention"];
const CAPABILITIES: [&str; 2] = ["75", "80"];

fn main() {
    println!("cargo:rerun-if-changed=cuda");
    println!("cargo:rerun-if-env-changed=NVCC");
    println!("cargo:rerun-if-env-changed=CXX");
    println!("cargo:rustc-check-cfg=cfg(emulating)");
    let here = env::var("TARGET").is_ok_and(|target| target == "x86_64-unknown-linux-gnu");
    // A sanitizer does not follow a thread from stack to stack.
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let here = here && !flags.contains("sanitizer");
    if here && env::var_os("CARGO_FEATURE_EMULATE_CUDA").is_some() {
        emulator(&PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")));
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

/// Compiles the kernels for the CPU, for tests; without a C++ compiler those skip.
fn emulator(out: &Path) {
    let object = out.join("emulator.o");
    let compiler = env::var_os("CXX").unwrap_or_else(|| "c++".into());
    let mut compile = Command::new(&compiler);
    compile
        .args([
            "-std=c++17",
            "-O2",
            "-fPIC",
            "-mf16c",
            "-ffp-contract=off",
            "-Wall",
            "-Werror",
            "-Wno-unknown-pragmas",
        ])
        .args(["-DPORTRAIT_ON_HOST", "-c", "cuda/host/emulator.cpp", "-o"])
        .arg(&object);
    let Ok(status) = compile.status() else {
        println!("cargo:warning=no C++ compiler {}: not emulating CUDA", compiler.display());
        return;
    };
    assert!(status.success(), "the CUDA kernels do not compile for the CPU: {status}");
    let archive = out.join("libportrait_cuda_host.a");
    let status = Command::new("ar").arg("crs").arg(&archive).arg(&object).status();
    assert!(status.is_ok_and(|status| status.success()), "ar cannot write {}", archive.display());
    println!("cargo:rustc-link-search=native={}", out.display());
    println!("cargo:rustc-link-lib=static=portrait_cuda_host");
    println!("cargo:rustc-link-lib=dylib=stdc++");
    println!("cargo:rustc-cfg=emulating");
}
