use crate::error::Error;

/// Extensions of files that can be decoded, best first.
const EXTENSIONS: [&str; 10] =
    ["flac", "wav", "m4a", "ogg", "mp3", "aac", "mp4", "opus", "oga", "webm"];
/// Most characters of an id.
const MAX_ID: usize = 64;

/// Finds a piece of music by its id among the file names of the music folder: the file whose name
/// without its extension is the id, exactly. Of several formats the least compressed is taken.
///
/// The caller lists the folder, so nothing is read here. The result is one of the listed names, so
/// an id from outside never becomes a path.
///
/// ```
/// let folder = ["system_bgm_001.mp3", "system_bgm_002.ogg", "README.md"];
/// assert_eq!(portrait_voice::find_track("system_bgm_002", folder)?, "system_bgm_002.ogg");
/// assert!(portrait_voice::find_track("../secret", folder).is_err());
/// # Ok::<(), portrait_voice::Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidMessage`] for an id that is not 1 to 64 characters of `a-z A-Z 0-9 . _ -`;
/// [`Error::UnknownTrack`] naming the ids there are.
pub fn find_track<'a>(
    id: &str,
    listing: impl IntoIterator<Item = &'a str>,
) -> Result<&'a str, Error> {
    check_id(id)?;
    let mut known = Vec::new();
    let mut found: Option<(usize, &str)> = None;
    for name in listing {
        let Some((stem, extension)) = name.rsplit_once('.') else {
            continue;
        };
        let Some(rank) = EXTENSIONS.iter().position(|known| extension.eq_ignore_ascii_case(known))
        else {
            continue;
        };
        known.push(stem);
        if stem == id && found.is_none_or(|best| (rank, name) < best) {
            found = Some((rank, name));
        }
    }
    known.sort_unstable();
    known.dedup();
    found.map(|(_, name)| name).ok_or_else(|| Error::UnknownTrack {
        id: id.to_owned(),
        known: if known.is_empty() { "(none)".to_owned() } else { known.join(", ") },
    })
}

pub(crate) fn check_id(id: &str) -> Result<(), Error> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if (1..=MAX_ID).contains(&id.len()) && id.bytes().all(allowed) {
        return Ok(());
    }
    let reason = format!("{id:?} is no id; 1 to {MAX_ID} characters of a-z A-Z 0-9 . _ - are");
    Err(Error::message("music.id", reason))
}
