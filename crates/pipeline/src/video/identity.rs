//! What tells one message's orders from another's: a number of everything that makes another video.
//!
//! It decides what is paid for again, so it must not change with the program. Everything is written
//! out by hand; a field that is added later is written only where it is not at its default.

use crate::error::Error;
use crate::video::message::Message;
use portrait_voice::{
    Content, DecodeLimits, DuckOptions, EncodeOptions, MixOptions, Music, NormaliseOptions,
    PrepareOptions, Track, TrimOptions,
};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// SHA-256 of a message.
pub(crate) type Identity = [u8; 32];

/// The identity of what is asked for, not of the sound that is made of it: a speech service need
/// not say a text twice alike. How sound is made counts where D-ID gets one.
///
/// Reads whole recordings and pictures; to be called where blocking is allowed.
///
/// # Errors
/// [`Error::Encode`].
pub(crate) fn identity(message: &Message, has_sound: bool) -> Result<Identity, Error> {
    // Every field, so that a new one is not forgotten; how it is waited for makes no other video.
    let Message { speech, sound, background, take, wait: _, former_take: _ } = message;
    let portrait_voice::Message { content, voice, prosody, music } = speech;
    let json =
        |value: serde_json::Result<Vec<u8>>| value.map_err(|e| Error::encode("a message", e));
    let mut words = Words(Sha256::new());
    match content {
        Content::Text(text) => words.add(b"text").add(text.as_bytes()),
        Content::Recording(bytes) => words.add(b"recording").add(bytes),
    };
    words.add(&json(serde_json::to_vec(voice))?);
    words.add(&json(serde_json::to_vec(prosody))?);
    if let Some(Music { track, volume }) = music {
        match track {
            Track::Id(id) => words.add(id.as_bytes()),
            Track::File(bytes) => words.add(bytes),
        };
        words.number(*volume);
    }
    if has_sound {
        add_sound(&mut words, sound);
    }
    for word in background.words() {
        words.add(word);
    }
    words.add(take.as_bytes());
    Ok(words.0.finalize().into())
}

/// What tells the orders of a message from others: now, and in records of former versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identities {
    pub(crate) now: Identity,
    pub(crate) former: Identity,
}

/// Words, each with its length before it, so that no two lists are alike.
struct Words(Sha256);

impl Words {
    fn add(&mut self, word: impl AsRef<[u8]>) -> &mut Self {
        let word = word.as_ref();
        self.0.update((word.len() as u64).to_be_bytes());
        self.0.update(word);
        self
    }

    fn number(&mut self, number: f64) -> &mut Self {
        self.add(number.to_be_bytes())
    }

    fn time(&mut self, time: Duration) -> &mut Self {
        self.add(time.as_nanos().to_be_bytes())
    }
}

/// How a sound is made. What a file may be at most makes no other sound of one that is taken.
fn add_sound(words: &mut Words, options: &PrepareOptions) {
    let PrepareOptions { limits, silence_dbfs: _, trim, normalise, mix, encode } = options;
    let DecodeLimits { max_bytes: _, min_duration, max_duration: _ } = limits;
    words.add(b"sound").time(*min_duration);
    if let Some(TrimOptions { threshold_dbfs, keep }) = trim {
        words.add(b"trim").number(*threshold_dbfs).time(*keep);
    }
    let NormaliseOptions { target_lufs, max_true_peak_dbtp, max_gain_db } = normalise;
    words.number(*target_lufs).number(*max_true_peak_dbtp).number(*max_gain_db);
    // The volume is the music's own.
    let MixOptions { volume: _, fade_in, fade_out, crossfade, duck, max_peak_dbfs } = mix;
    words.time(*fade_in).time(*fade_out).time(*crossfade).number(*max_peak_dbfs);
    let DuckOptions { depth_db, threshold_db, attack, hold, release } = duck;
    words.number(*depth_db).number(*threshold_db).time(*attack).time(*hold).time(*release);
    let EncodeOptions { max_bytes, max_duration: _, allow_mp3 } = encode;
    words.add((*max_bytes as u64).to_be_bytes()).add([u8::from(*allow_mp3)]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use portrait_voice::{ProsodyPreset, Voice};

    fn of(message: &Message, has_sound: bool) -> String {
        let identity = identity(message, has_sound).unwrap();
        identity[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// A change of these would have everything that was ordered before paid for again.
    #[test]
    fn identities_stay_what_they_are() {
        let text = Message::text("Hello there.");
        let mut rich = Message::text("おめでとう");
        rich.speech.voice = Some(Voice::Amazon { voice_id: "Takumi".into(), language: None });
        rich.speech.prosody = ProsodyPreset::Celebration.prosody();
        rich.take = "2".into();
        let mut recording = Message::recording(vec![1, 2, 3]);
        let track = Track::Id("system_bgm_001".into());
        recording.speech.music = Some(Music { track, volume: 0.3 });
        let identities = [of(&text, false), of(&rich, false), of(&recording, true)];
        assert_eq!(identities, ["8470be2e01bf7337", "d29da8a0574b985d", "6b61193f6f36f2ea"]);
    }

    #[test]
    fn how_sound_is_made_counts_where_there_is_one() {
        let plain = Message::text("Hello there.");
        let mut louder = plain.clone();
        louder.sound.normalise.target_lufs = -14.0;
        assert_eq!(of(&plain, false), of(&louder, false));
        assert_ne!(of(&plain, true), of(&louder, true));
        assert_ne!(of(&plain, true), of(&plain, false));
        // What is only allowed is not what is made.
        let mut longer = plain.clone();
        longer.sound.limits.max_bytes += 1;
        assert_eq!(of(&plain, true), of(&longer, true));
    }
}
