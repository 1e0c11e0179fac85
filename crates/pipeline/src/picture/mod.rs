//! Pictures: encoding, backgrounds, and what D-ID takes.

mod background;
mod colour_names;
mod encode;
mod talk_picture;
mod thumbnail;

pub use background::Background;
pub(crate) use encode::encode_jpeg;
pub use encode::{encode_gray_png, encode_png, encode_rgb_png};
pub use talk_picture::{TalkPicture, talk_picture};
pub(crate) use thumbnail::thumbnail;
