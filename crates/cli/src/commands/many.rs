//! One photo or many, by the same command.

use crate::error::CliError;
use crate::files::photos::{PhotoFile, PhotoFiles, is_stdin};
use crate::output::Output;
use crate::settings;
use futures::{StreamExt, stream};
use portrait_pipeline::Photo;
use serde_json::{Map, Value};

/// Photos in work at once: while one is in a network, others are read, encoded and written.
const AT_ONCE: usize = 4;

/// What came of a photo.
pub(super) struct Done {
    /// For programs: an object.
    pub(super) document: Value,
    /// For people.
    pub(super) lines: Vec<String>,
    /// The exit codes of what failed in it.
    pub(super) codes: Vec<u8>,
}

/// Works on every photo and tells what came of each, in their order: of one as the command's result,
/// of several line by line. A photo's error ends the work on that photo; what any other photo would
/// meet too ends the command.
pub(super) async fn each<'a, F>(
    photos: &'a PhotoFiles,
    output: &Output,
    work: impl Fn(&'a PhotoFile) -> F,
) -> Result<u8, CliError>
where
    F: Future<Output = Result<Done, CliError>>,
{
    if let ([file], false) = (&photos.files[..], photos.several) {
        let done = work(file).await?;
        output.document(&done.document);
        done.lines.iter().for_each(|line| output.line(line));
        return Ok(super::gravest(done.codes));
    }
    let all = photos.files.len();
    let bar = output.bars().counted(all as u64, "photos");
    let work = &work;
    let mut results = stream::iter(&photos.files)
        .map(|file| async move { (file, work(file).await) })
        .buffered(AT_ONCE);
    let (mut codes, mut whole) = (Vec::new(), 0);
    while let Some((file, result)) = results.next().await {
        match result {
            Ok(done) => {
                output.document(&of_photo(file, true, done.document));
                done.lines.iter().for_each(|line| output.line(line));
                whole += usize::from(done.codes.is_empty());
                codes.extend(done.codes);
            }
            Err(error) if error.concerns_all() => return Err(error),
            Err(error) => {
                output.document(&of_photo(file, false, error.to_json()));
                output.photo_failed(&file.path, &error);
                codes.push(error.exit_code());
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    output.line(format!("{whole} of {all} photos done"));
    Ok(super::gravest(codes))
}

/// The line of one of several photos: which, whether it could be worked on, and what came of it.
fn of_photo(file: &PhotoFile, success: bool, document: Value) -> Value {
    let mut line = Map::new();
    line.insert("photo".into(), file.path.to_string_lossy().into());
    line.insert("success".into(), success.into());
    if let Value::Object(document) = document {
        line.extend(document);
    }
    line.into()
}

/// A photo's pixels.
pub(super) async fn read(file: &PhotoFile) -> Result<Photo, CliError> {
    let path = file.path.clone();
    super::beside(move || settings::photo(&path)).await
}

/// What the results of a photo are made from, for the record of what was written: its place, or of
/// what came from standard input its content.
pub(super) fn source(file: &PhotoFile, photo: &Photo) -> String {
    if is_stdin(&file.path) {
        return photo.content_id().to_string();
    }
    let path = file.path.canonicalize().unwrap_or_else(|_| file.path.clone());
    // Lossless where it is no text too.
    format!("{:?}", path.as_os_str())
}
