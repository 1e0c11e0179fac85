use crate::error::Error;

/// Flag of a stream's last page (RFC 3533, section 6).
const LAST_PAGE: u8 = 4;
/// Bytes of a page's header before its table of segments.
const HEADER: usize = 27;

/// Whether the file's last page is the stream's last and is whole. The reader takes what there is
/// for the whole sound, so a file that was cut would pass as a shorter one.
pub(crate) fn check_end(bytes: &[u8]) -> Result<(), Error> {
    let ends_early = || Error::Damaged { format: "Ogg", reason: "it ends early".to_owned() };
    let last = bytes.windows(4).rposition(|window| window == b"OggS").ok_or_else(ends_early)?;
    let page = &bytes[last..];
    let segments = page.get(HEADER - 1).map_or(0, |count| usize::from(*count));
    let table = page.get(HEADER..HEADER + segments).ok_or_else(ends_early)?;
    let size = HEADER + segments + table.iter().map(|size| usize::from(*size)).sum::<usize>();
    if page.len() < size.max(HEADER) || page[5] & LAST_PAGE == 0 {
        return Err(ends_early());
    }
    Ok(())
}
