//! SHA-256 of content as it is written.

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::blocking::blocking;

/// Content above this is hashed where it does not keep other futures waiting: about 1 ms of work.
const SHORT: usize = 1 << 20;

/// A digest in the making.
#[derive(Default)]
pub(crate) struct Digest {
    hasher: Sha256,
    /// A part was lost, because the work on it was cut off: there is no digest.
    broken: bool,
}

impl Digest {
    pub(crate) async fn update(&mut self, piece: &Bytes) {
        if piece.len() <= SHORT {
            self.hasher.update(piece);
            return;
        }
        let (mut hasher, piece) = (std::mem::take(&mut self.hasher), piece.clone());
        let hashed = blocking(move || {
            hasher.update(&piece);
            hasher
        });
        match hashed.await {
            Ok(hasher) => self.hasher = hasher,
            // Only when the runtime is being shut down.
            Err(_) => self.broken = true,
        }
    }

    pub(crate) fn finish(self) -> Option<[u8; 32]> {
        (!self.broken).then(|| self.hasher.finalize().into())
    }
}

/// A digest as 64 lower-case hexadecimal digits, for serde.
pub(crate) mod hex {
    use std::fmt::Write as _;

    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        digest: &[u8; 32],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mut text = String::with_capacity(64);
        for byte in digest {
            // Writing to a `String` does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        serializer.serialize_str(&text)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(deserializer)?;
        let invalid = || D::Error::custom("a SHA-256 has 64 hexadecimal digits");
        if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(invalid());
        }
        let mut digest = [0; 32];
        for (i, byte) in digest.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).map_err(|_| invalid())?;
        }
        Ok(digest)
    }
}
