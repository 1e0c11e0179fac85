//! Picture files that no encoder of `image` writes.

use image::RgbImage;

/// What a file of any channels shows on white.
pub(crate) fn on_white(file: &[u8]) -> RgbImage {
    let picture = image::load_from_memory(file).unwrap().into_rgba8();
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [red, green, blue, alpha] = picture.get_pixel(x, y).0.map(u32::from);
        let mixed = |value: u32| ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8;
        image::Rgb([red, green, blue].map(mixed))
    })
}

/// The JPEG file without segments of EXIF and XMP before its frame.
pub(crate) fn without_exif(jpeg: &[u8]) -> Vec<u8> {
    let (mut file, mut at) = (jpeg[..2].to_vec(), 2);
    while (0xe0..=0xef).contains(&jpeg[at + 1]) {
        let length = 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        if jpeg[at + 1] != 0xe1 {
            file.extend(&jpeg[at..at + length]);
        }
        at += length;
    }
    file.extend(&jpeg[at..]);
    file
}

/// A TIFF block that says nothing but the orientation, 1 to 8 (EXIF 2.3, tag 0x0112).
pub(crate) fn exif(orientation: u8) -> Vec<u8> {
    let mut block = b"II\x2a\0\x08\0\0\0".to_vec();
    block.extend([1, 0]);
    block.extend([0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0]);
    block.extend([0; 4]);
    block
}

/// The JPEG file with an EXIF segment behind its first marker.
pub(crate) fn jpeg_with_exif(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let mut content = b"Exif\0\0".to_vec();
    content.extend(exif(orientation));
    with_segment(jpeg, 0xe1, &content)
}

/// The JPEG file with one more segment behind its first marker.
pub(crate) fn with_segment(jpeg: &[u8], marker: u8, content: &[u8]) -> Vec<u8> {
    let mut file = jpeg[..2].to_vec();
    file.extend([0xff, marker]);
    file.extend(u16::try_from(content.len() + 2).unwrap().to_be_bytes());
    file.extend(content);
    file.extend(&jpeg[2..]);
    file
}

/// A PNG file of one empty chunk of pixels, whatever its header says.
pub(crate) fn png_of_size(width: u32, height: u32) -> Vec<u8> {
    let mut header = width.to_be_bytes().to_vec();
    header.extend(height.to_be_bytes());
    // 8 bits of red, green and blue; the only compression and filter; not interlaced.
    header.extend([8, 2, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in [(b"IHDR", header.as_slice()), (b"IDAT", &[]), (b"IEND", &[])] {
        file.extend(png_chunk(kind, data));
    }
    file
}

/// A chunk with its length and check sum.
pub(crate) fn png_chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut chunk = u32::try_from(data.len()).unwrap().to_be_bytes().to_vec();
    chunk.extend(kind);
    chunk.extend(data);
    let sum = crc32(&chunk[4..]);
    chunk.extend(sum.to_be_bytes());
    chunk
}

/// The PNG file with one more chunk behind its header.
pub(crate) fn with_chunk(png: &[u8], kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    const BEHIND_HEADER: usize = 8 + 25;
    let mut file = png[..BEHIND_HEADER].to_vec();
    file.extend(png_chunk(kind, data));
    file.extend(&png[BEHIND_HEADER..]);
    file
}

/// The check sum of PNG (ISO 3309).
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| {
            (sum >> 1) ^ if sum & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    })
}

/// The colours of a picture on a grid of 6 × 6 × 6, as an RGB picture and as indices into
/// [`palette`].
pub(crate) fn quantised(picture: &RgbImage) -> (RgbImage, Vec<u8>) {
    let step = |value: u8| (u16::from(value) + 25) as u8 / 51;
    let indices: Vec<u8> = picture
        .pixels()
        .map(|pixel| pixel.0.iter().fold(0, |index, &value| 6 * index + step(value)))
        .collect();
    let palette = palette();
    let colour = |&index: &u8| palette[usize::from(index) * 3..][..3].to_vec();
    let pixels = indices.iter().flat_map(colour).collect();
    (RgbImage::from_raw(picture.width(), picture.height(), pixels).unwrap(), indices)
}

/// Red, green and blue of the 216 colours.
pub(crate) fn palette() -> Vec<u8> {
    (0..216u8)
        .flat_map(|index| [index / 36, index / 6 % 6, index % 6].map(|step| step * 51))
        .collect()
}

/// An indexed PNG file; `alpha` is the opacity of the first colours.
pub(crate) fn indexed_png(width: u32, height: u32, indices: &[u8], alpha: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(palette());
    if !alpha.is_empty() {
        encoder.set_trns(alpha.to_vec());
    }
    encoder.write_header().unwrap().write_image_data(indices).unwrap();
    file
}
