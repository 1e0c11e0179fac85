//! Circles that stand and are to go. The list only ever gets shorter.

/// A package, and all files of it that one or more circles join, sorted.
pub(crate) const KNOWN: &[(&str, &[&str])] = &[
    ("portrait-d-id", &["src/create.rs", "src/talks.rs", "src/wait.rs"]),
    ("portrait-pipeline", &["src/animate.rs", "src/talk.rs"]),
    ("portrait-pipeline", &["src/batch.rs", "src/engine.rs"]),
    (
        "portrait-pipeline",
        &[
            "src/builder.rs",
            "src/cut_out.rs",
            "src/group.rs",
            "src/identity.rs",
            "src/message.rs",
            "src/order.rs",
            "src/pipeline.rs",
        ],
    ),
    ("portrait-pipeline", &["src/error.rs", "src/photo.rs"]),
    (
        "portrait-segmentation",
        &[
            "src/network/swin/attention.rs",
            "src/network/swin/block.rs",
            "src/network/swin/merging.rs",
            "src/network/swin/mod.rs",
        ],
    ),
    ("portrait-storage", &["src/error.rs", "src/hold.rs", "src/id.rs", "src/key.rs"]),
    ("portrait-storage", &["src/input.rs", "src/write.rs"]),
    ("portrait-voice", &["src/speech/builder.rs", "src/speech/http.rs"]),
    (
        "portrait-weights",
        &["src/backend.rs", "src/checkpoint.rs", "src/download.rs", "src/resolve.rs"],
    ),
];
