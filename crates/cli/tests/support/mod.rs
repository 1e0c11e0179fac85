//! Running the command, and a small model for it.

#![allow(dead_code, reason = "each test file uses a part")]

use candle_core::{DType, Device};
use portrait_test_support::reproducible;
use serde_json::Value;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// A run of the command in a folder without models or cache.
pub(crate) struct Portrait(Command);

pub(crate) struct Run(Output);

impl Portrait {
    pub(crate) fn new(command: &str) -> Self {
        let mut portrait = Command::new(env!("CARGO_BIN_EXE_portrait"));
        for variable in [
            "HF_TOKEN",
            "HF_TOKEN_PATH",
            "HF_HUB_OFFLINE",
            "HUGGING_FACE_HUB_TOKEN",
            "TRANSFORMERS_OFFLINE",
            "HF_ENDPOINT",
            "D_ID_API_KEY",
            "D_ID_URL",
            "PORTRAIT_DEVICE",
            "PORTRAIT_PRECISION",
            "PORTRAIT_MUSIC",
            "PORTRAIT_SPEECH_KEY",
            "PORTRAIT_SPEECH_URL",
            "PORTRAIT_VOICE_PROFILES",
            "RUST_LOG",
        ] {
            portrait.env_remove(variable);
        }
        for proxy in ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"] {
            portrait.env_remove(proxy).env_remove(proxy.to_lowercase());
        }
        portrait.env("HF_HOME", "no-such-home");
        portrait.env("HF_HUB_CACHE", "no-such-cache").env("PORTRAIT_MODELS", "no-such-models");
        // Nothing is kept in the data folder of who runs the tests.
        portrait.env("PORTRAIT_DATA", concat!(env!("CARGO_TARGET_TMPDIR"), "/data"));
        portrait.args(command.split(' '));
        Self(portrait)
    }

    #[must_use]
    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.0.arg(arg);
        self
    }

    #[must_use]
    pub(crate) fn option(self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.arg(name).arg(value)
    }

    #[must_use]
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.0.env(name, value);
        self
    }

    /// As a command, for what is asked of a process.
    pub(crate) fn command(self) -> Command {
        self.0
    }

    /// Starts it and does not wait for its end.
    pub(crate) fn start(mut self) -> Child {
        self.0.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    pub(crate) fn run(mut self) -> Run {
        Run(self.0.output().unwrap())
    }

    /// Runs it with this on standard input.
    pub(crate) fn run_with(mut self, input: Vec<u8>) -> Run {
        use std::io::Write;
        let piped = self.0.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // A command that fails may not read it to its end.
        let feeding = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let output = child.wait_with_output().unwrap();
        feeding.join().unwrap();
        Run(output)
    }
}

impl Run {
    pub(crate) fn stdout(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    /// Standard output where it is a picture.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0.stdout
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }

    pub(crate) fn code(&self) -> Option<i32> {
        self.0.status.code()
    }

    /// The one JSON document of a run that succeeded.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert!(self.0.status.success(), "{}", self.stderr());
        serde_json::from_slice(&self.0.stdout).unwrap()
    }

    /// Standard output of a run that succeeded.
    #[track_caller]
    pub(crate) fn text(&self) -> String {
        assert!(self.0.status.success(), "{}", self.stderr());
        self.stdout()
    }

    /// The one line of an error with this exit code that says all of `parts`.
    #[track_caller]
    pub(crate) fn fails(&self, exit_code: i32, parts: &[&str]) {
        let stderr = self.stderr();
        assert_eq!(self.0.status.code(), Some(exit_code), "{stderr}");
        let lines: Vec<&str> = stderr.lines().filter(|line| line.starts_with("error:")).collect();
        assert_eq!(lines.len(), 1, "one line: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "nothing else: {stderr}");
        for part in parts {
            assert!(lines[0].contains(part), "{part:?} in {stderr}");
        }
    }
}

/// A photo of two people beside each other, `two.png` in this folder.
pub(crate) fn two_people(folder: &Path) -> PathBuf {
    let one = portrait_test_support::repository_root().join("examples/photos/grace_hopper.jpg");
    let one = image::open(one).unwrap().into_rgb8();
    let mut two = image::RgbImage::new(2 * one.width(), one.height());
    for x in [0, one.width()] {
        image::imageops::replace(&mut two, &one, i64::from(x), 0);
    }
    let path = folder.join("two.png");
    two.save(&path).unwrap();
    path
}

/// A BiRefNet of a few thousand parameters that sees 64 x 64 pixels, in a folder with its manifest.
pub(crate) fn tiny_birefnet(folder: &Path) -> PathBuf {
    use portrait_pipeline::segmentation::{Birefnet, BirefnetConfig, SwinConfig};
    let swin = SwinConfig { embed_dim: 8, depths: [1; 4], heads: [1; 4], window: 4 };
    let (vb, asked) = reproducible::recording_var_builder(&Device::Cpu);
    Birefnet::new(&BirefnetConfig::with_swin(swin), &vb).unwrap();
    let model = folder.join("tiny-birefnet");
    std::fs::create_dir_all(&model).unwrap();
    let names: Vec<_> = asked.names().into_iter().collect();
    reproducible::write_checkpoint(&names, DType::F32, model.join("model.safetensors")).unwrap();
    let manifest = r#"
        id = "tiny-birefnet"
        family = "birefnet"
        summary = "for tests"
        file = "model.safetensors"
        licence = { spdx = "MIT", notice = "made by the test" }
        input = { width = 64, height = 64 }
        [architecture.swin]
        embed_dim = 8
        depths = [1, 1, 1, 1]
        heads = [1, 1, 1, 1]
        window = 4
    "#;
    std::fs::write(model.join("manifest.toml"), manifest).unwrap();
    model
}
