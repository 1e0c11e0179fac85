/// The video every finished talk yields: 2 s of 256 × 256 H.264 with silent AAC in an MP4 file.
/// How it was made stands beside it, in `assets/README.md`.
pub const TALK_MP4: &[u8] = include_bytes!("../assets/talk.mp4");
