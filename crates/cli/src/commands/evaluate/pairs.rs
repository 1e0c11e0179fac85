//! Photos and their masks.

use crate::args::EvaluateArgs;
use crate::error::CliError;
use crate::settings;
use crate::shown::shown;
use image::RgbImage;
use std::path::{Path, PathBuf};

const PHOTOS: [&str; 4] = ["jpg", "jpeg", "png", "webp"];

/// A photo and where its mask is, if it shows people.
pub(super) struct Pair {
    photo: PathBuf,
    mask: Option<PathBuf>,
}

/// The pixels of a [`Pair`].
pub(super) struct Example {
    pub(super) photo: RgbImage,
    /// 1 where a person is, row by row; all 0 in a photo without people.
    pub(super) truth: Vec<f32>,
}

/// The photos that were asked for, in the order of their names, at least one; and those without a mask.
pub(super) fn pairs(args: &EvaluateArgs) -> Result<(Vec<Pair>, Vec<PathBuf>), CliError> {
    let none = |reason: String| Err(CliError::Usage(format!("{}: {reason}", shown(&args.images))));
    let photos = pictures(&args.images)?;
    let (count, every) = (photos.len(), args.every as usize);
    if count == 0 {
        return none("no photo; photos are JPEG, PNG or WebP".into());
    }
    if count < every {
        return none(format!("only {count} photos, of which --every {every} takes none"));
    }
    let chosen = photos.into_iter().skip(every - 1).step_by(every);
    let Some(folder) = &args.masks else {
        return Ok((chosen.map(|photo| Pair { photo, mask: None }).collect(), vec![]));
    };
    let masks = pictures(folder)?;
    let (mut pairs, mut without) = (vec![], vec![]);
    for photo in chosen {
        match masks.iter().find(|mask| mask.file_stem() == photo.file_stem()) {
            Some(mask) => pairs.push(Pair { photo, mask: Some(mask.clone()) }),
            None => without.push(photo),
        }
    }
    if pairs.is_empty() {
        return none(format!("no photo with a mask of the same name in {}", shown(folder)));
    }
    Ok((pairs, without))
}

fn pictures(folder: &Path) -> Result<Vec<PathBuf>, CliError> {
    let mut found = vec![];
    for entry in std::fs::read_dir(folder).map_err(CliError::file(folder, "list"))? {
        let path = entry.map_err(CliError::file(folder, "list"))?.path();
        let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
        if path.is_file() && extension.is_some_and(|e| PHOTOS.contains(&e.as_str())) {
            found.push(path);
        }
    }
    found.sort_unstable();
    Ok(found)
}

impl Pair {
    pub(super) fn read(&self) -> Result<Example, CliError> {
        let photo = settings::photo(&self.photo)?.image().as_ref().clone();
        let Some(path) = &self.mask else {
            let truth = vec![0.0; (photo.width() * photo.height()) as usize];
            return Ok(Example { photo, truth });
        };
        let mask = settings::photo(path)?;
        let mask = image::imageops::grayscale(mask.image().as_ref());
        if mask.dimensions() != photo.dimensions() {
            let ((w, h), (pw, ph)) = (mask.dimensions(), photo.dimensions());
            return Err(CliError::Usage(format!(
                "{}: the mask has {w} x {h} pixels, its photo {pw} x {ph}; give masks of the photos' sizes",
                shown(path)
            )));
        }
        let truth = mask.pixels().map(|pixel| f32::from(pixel.0[0]) / 255.0).collect();
        Ok(Example { photo, truth })
    }
}
