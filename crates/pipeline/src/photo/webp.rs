//! What stands in a WebP file beside its pixels.

use super::colour::Source;
use super::metadata::Metadata;

/// Reads the chunks of metadata.
pub(super) fn metadata(bytes: &[u8]) -> Metadata {
    let mut metadata = Metadata::default();
    let mut rest = bytes.get(12..).unwrap_or_default();
    while let Some(head) = rest.first_chunk::<8>() {
        let [kind @ .., l0, l1, l2, l3] = *head;
        let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        let Some(data) = rest.get(8..8 + length) else { break };
        match &kind {
            b"ICCP" if metadata.colours.is_none() => {
                metadata.colours = Some(Source::Icc(data.to_vec()));
            }
            b"EXIF" if metadata.exif.is_empty() => metadata.exif.push(data.to_vec()),
            b"XMP " if metadata.xmp.is_empty() => metadata.xmp.push(data.to_vec()),
            _ => {}
        }
        // Chunks begin at even places.
        rest = rest.get(8 + length.next_multiple_of(2)..).unwrap_or_default();
    }
    metadata
}
