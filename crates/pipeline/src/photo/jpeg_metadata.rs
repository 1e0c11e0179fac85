//! What stands in a JPEG file beside its pixels.

use super::colour::Source;
use super::metadata::Metadata;

/// Reads the application segments: their numbers, 0 to 15, and contents.
pub(super) fn metadata<'a>(segments: impl Iterator<Item = (u8, &'a [u8])>) -> Metadata {
    let mut metadata = Metadata::default();
    // The parts of a profile: their numbers, how many there are, and contents.
    let mut parts: Vec<(u8, u8, &[u8])> = Vec::new();
    for (number, content) in segments {
        if number == 1 && content.starts_with(b"Exif\0") && metadata.exif.len() < 4 {
            metadata.exif.push(content.to_vec());
        } else if number == 1
            && let Some(packet) = content.strip_prefix(b"http://ns.adobe.com/xap/1.0/\0")
            && metadata.xmp.len() < 4
        {
            metadata.xmp.push(packet.to_vec());
        } else if number == 2
            && let Some([part, parts_of_all, data @ ..]) = content.strip_prefix(b"ICC_PROFILE\0")
        {
            parts.push((*part, *parts_of_all, data));
        }
    }
    parts.sort_by_key(|&(part, ..)| part);
    let is_whole = parts.iter().zip(1..).all(|(&(part, of_all, _), at): (_, usize)| {
        usize::from(part) == at && usize::from(of_all) == parts.len()
    });
    if !parts.is_empty() && is_whole {
        let profile: Vec<&[u8]> = parts.into_iter().map(|(.., data)| data).collect();
        metadata.colours = Some(Source::Icc(profile.concat()));
    }
    metadata
}
