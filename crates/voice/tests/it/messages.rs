use portrait_voice::{
    Content, Error, Message, MessageFields, Music, Prosody, ProsodyPreset, SpokenText, Voice,
    VoiceProfiles, find_track,
};
use serde_json::{Value, json};

fn spoken(voice: Option<Voice>, preset: ProsodyPreset, text: &str) -> SpokenText {
    let message = Message { voice, prosody: preset.prosody(), ..Message::text(text) };
    message.spoken_text().unwrap().unwrap()
}

fn as_json(spoken: &SpokenText) -> Value {
    serde_json::to_value(spoken).unwrap()
}

fn field(result: Result<impl std::fmt::Debug, Error>) -> &'static str {
    match result {
        Err(Error::InvalidMessage { field, .. }) => field,
        other => panic!("{other:?}"),
    }
}

fn nanami() -> Voice {
    Voice::Microsoft {
        voice_id: "ja-JP-NanamiNeural".into(),
        styles: vec!["Chat".into(), "Cheerful".into(), "CustomerService".into()],
        language: Some("Japanese (Japan)".into()),
    }
}

#[test]
fn a_celebration_in_japanese_for_every_provider() {
    let text = "おめでとうございます！";
    let celebrate = |voice| as_json(&spoken(voice, ProsodyPreset::Celebration, text));
    assert_eq!(celebrate(None), json!({"input": text, "ssml": false}));
    assert_eq!(
        celebrate(Some(nanami())),
        json!({"input": text, "ssml": false, "provider": {
            "type": "microsoft", "voice_id": "ja-JP-NanamiNeural", "language": "Japanese (Japan)",
            "voice_config": {"style": "Cheerful", "rate": "1.08", "pitch": "+2st"},
        }})
    );
    // A style the voice is not known to have is not asked of it.
    assert_eq!(
        celebrate(Some(Voice::microsoft("ja-JP-KeitaNeural")))["provider"]["voice_config"],
        json!({"rate": "1.08", "pitch": "+2st"})
    );
    let voice = Voice::AzureOpenAi { voice_id: "nova".into(), language: None };
    assert_eq!(
        celebrate(Some(voice))["provider"],
        json!({"type": "azure-openai", "voice_id": "nova", "voice_config": {"rate": "1.08", "pitch": "+2st"}})
    );
    let voice = Voice::ElevenLabs { voice_id: None, model_id: None, language: None };
    assert_eq!(
        celebrate(Some(voice))["provider"],
        json!({"type": "elevenlabs", "voice_config": {"stability": 0.35, "rate": "1.08", "style": "0.6"}})
    );
    let voice = Voice::Amazon { voice_id: "Takumi".into(), language: None };
    assert_eq!(
        celebrate(Some(voice)),
        json!({"input": format!("<speak><prosody rate=\"108%\">{text}</prosody></speak>"),
            "ssml": true, "provider": {"type": "amazon", "voice_id": "Takumi"}})
    );
    let voice = Voice::Google { voice_id: Some("ja-JP-Neural2-B".into()) };
    assert_eq!(
        celebrate(Some(voice)),
        json!({"input": format!("<speak><prosody rate=\"108%\" pitch=\"+2st\">{text}</prosody></speak>"),
            "ssml": true, "provider": {"type": "google", "voice_id": "ja-JP-Neural2-B"}})
    );
}

#[test]
fn a_neutral_voice_gets_no_settings_and_no_ssml() {
    for voice in [
        nanami(),
        Voice::Amazon { voice_id: "Takumi".into(), language: None },
        Voice::Google { voice_id: None },
        Voice::ElevenLabs { voice_id: None, model_id: None, language: None },
    ] {
        let spoken = spoken(Some(voice), ProsodyPreset::Neutral, "1 < 2 & 3");
        assert_eq!((spoken.input.as_str(), spoken.ssml), ("1 < 2 & 3", false));
        assert_eq!(as_json(&spoken)["provider"].get("voice_config"), None);
    }
}

#[test]
fn a_text_cannot_break_out_of_its_ssml() {
    let text = "</prosody></speak><speak>\"Tom\" & 'Ann' \u{0}\u{b}\u{ffff}";
    let spoken = spoken(Some(Voice::Google { voice_id: None }), ProsodyPreset::Calm, text);
    assert_eq!(
        spoken.input,
        "<speak><prosody rate=\"92%\" pitch=\"-1st\">&lt;/prosody&gt;&lt;/speak&gt;&lt;speak&gt;\
         &quot;Tom&quot; &amp; &apos;Ann&apos;</prosody></speak>"
    );
}

#[test]
fn elevenlabs_keeps_to_its_ranges() {
    for rate in [0.5, 2.0] {
        let prosody = Prosody { rate, expressiveness: Some(0.9), ..Prosody::default() };
        let voice = |model: &str| Voice::ElevenLabs {
            voice_id: Some("x".into()),
            model_id: Some(model.into()),
            language: None,
        };
        for (model, stability) in [("eleven_multilingual_v2", 0.2), ("eleven_v3", 0.0)] {
            let message = Message {
                voice: Some(voice(model)),
                prosody: prosody.clone(),
                ..Message::text("Hello")
            };
            let config =
                &as_json(&message.spoken_text().unwrap().unwrap())["provider"]["voice_config"];
            assert_eq!(config["stability"], json!(stability), "{model}");
            assert_eq!(config["rate"], json!(if rate < 1.0 { "0.7" } else { "1.2" }));
        }
    }
}

#[test]
fn presets_have_names_both_ways_and_lie_within_all_limits() {
    for preset in ProsodyPreset::ALL {
        assert_eq!(preset.name().parse(), Ok(preset));
        assert_eq!(serde_json::to_value(preset).unwrap(), json!(preset.name()));
        let message = Message { prosody: preset.prosody(), ..Message::text("Hello") };
        message.check().unwrap();
    }
    let error = "party".parse::<ProsodyPreset>().unwrap_err();
    assert!(error.to_string().contains("celebration"), "{error}");
    let distinct: std::collections::BTreeSet<String> =
        ProsodyPreset::ALL.iter().map(|preset| format!("{:?}", preset.prosody())).collect();
    assert_eq!(distinct.len(), ProsodyPreset::ALL.len());
}

#[test]
fn lengths_are_of_characters() {
    let check = |text: String| Message::text(text).check();
    assert_eq!(field(check("おめ".into())), "text");
    check("おめで".into()).unwrap();
    assert_eq!(field(check("   a   ".into())), "text");
    assert_eq!(field(check("\u{0}\u{1}\u{2}ab".into())), "text");
    // 30,000 bytes.
    check("お".repeat(10_000)).unwrap();
    assert_eq!(field(check("お".repeat(10_001))), "text");
    // Escaping makes five of one.
    let many = Message {
        voice: Some(Voice::Google { voice_id: None }),
        prosody: ProsodyPreset::Calm.prosody(),
        ..Message::text("&".repeat(9_000))
    };
    assert_eq!(field(many.spoken_text()), "text");
}

#[test]
fn parts_that_do_not_go_together_are_refused() {
    let music = Some(Music { id: "system_bgm_001".into(), volume: 0.3 });
    let recording = || Message::recording(vec![1]);
    Message { music: music.clone(), ..recording() }.check().unwrap();
    assert_eq!(field(Message { music, ..Message::text("Hello") }.check()), "music");
    assert_eq!(field(Message { voice: Some(nanami()), ..recording() }.check()), "voice");
    let prosody = ProsodyPreset::Calm.prosody();
    assert_eq!(field(Message { prosody, ..recording() }.check()), "prosody");
    assert_eq!(field(Message::recording(Vec::new()).check()), "audio");
    let voice = Some(Voice::microsoft(" "));
    assert_eq!(field(Message { voice, ..Message::text("Hello") }.check()), "voice");
    for volume in [-0.1, 1.1, f64::NAN] {
        let music = Some(Music { id: "a".into(), volume });
        assert_eq!(field(Message { music, ..recording() }.check()), "music.volume");
    }
    let music = Some(Music { id: "../a".into(), volume: 0.1 });
    assert_eq!(field(Message { music, ..recording() }.check()), "music.id");
    for prosody in [
        Prosody { rate: 0.1, ..Prosody::default() },
        Prosody { pitch_semitones: f64::NAN, ..Prosody::default() },
        Prosody { expressiveness: Some(2.0), ..Prosody::default() },
    ] {
        let error = Message { prosody, ..Message::text("Hello") }.check().unwrap_err();
        assert!(matches!(error, Error::InvalidOption { .. }), "{error}");
    }
    assert_eq!(recording().spoken_text().unwrap(), None);
}

const PROFILES: &str = r#"
    default = "openvoice_c403f011"

    [profiles.openvoice_c403f011]
    provider = "microsoft"
    voice_id = "ja-JP-NanamiNeural"
    styles = ["Chat", "Cheerful", "CustomerService"]
    language = "Japanese (Japan)"

    [profiles.rachel]
    provider = "elevenlabs"
    voice_id = "21m00Tcm4TlvDq8ikWAM"

    [profiles.takumi]
    provider = "amazon"
    voice_id = "Takumi"

    [profiles.plain]
    provider = "google"

    [profiles.nova]
    provider = "azure-openai"
    voice_id = "nova"
"#;

#[test]
fn profiles_are_read_from_toml_and_json() {
    let profiles = VoiceProfiles::from_toml(PROFILES).unwrap();
    assert_eq!(profiles.find(Some("openvoice_c403f011")).unwrap(), Some(&nanami()));
    assert_eq!(profiles.find(None).unwrap(), Some(&nanami()));
    assert_eq!(profiles.profiles.len(), 5);
    let json = serde_json::to_string(&profiles).unwrap();
    assert_eq!(VoiceProfiles::from_json(&json).unwrap(), profiles);
    assert_eq!(VoiceProfiles::default().find(None).unwrap(), None);

    let error = profiles.find(Some("nobody")).unwrap_err();
    assert!(error.to_string().contains("rachel"), "{error}");
}

#[test]
fn a_faulty_profile_file_is_told_in_one_line() {
    let cases = [
        ("profiles = 3", "profiles"),
        ("[profiles.a]\nprovider = 'nobody'\nvoice_id = 'x'", "nobody"),
        ("[profiles.a]\nprovider = 'microsoft'", "voice_id"),
        ("[profiles.a]\nprovider = 'microsoft'\nvoice_id = ''", "empty"),
        ("[profiles.a]\nprovider = 'google'\nvoice = 'x'", "voice"),
        ("default = 'a'", "not among"),
        ("surprise = 1", "surprise"),
    ];
    for (text, words) in cases {
        let error = VoiceProfiles::from_toml(text).unwrap_err().to_string();
        assert!(error.contains(words) && !error.contains('\n'), "{text}: {error}");
    }
    assert!(matches!(VoiceProfiles::from_json("{"), Err(Error::InvalidProfiles { .. })));
}

#[test]
fn fields_of_a_request_become_a_message() {
    let profiles = VoiceProfiles::from_toml(PROFILES).unwrap();
    let parse = |value: Value| serde_json::from_value::<MessageFields>(value).unwrap();
    let text = parse(json!({
        "text": "おめでとうございます！", "voice_profile_id": "openvoice_c403f011",
        "prosody_preset": "celebration", "image_id": "abc123",
    }));
    let message = text.into_message(None, &profiles).unwrap();
    assert_eq!(message.voice, Some(nanami()));
    assert_eq!(message.prosody, ProsodyPreset::Celebration.prosody());

    let fields = parse(json!({"bgm_id": "system_bgm_001", "bgm_volume": 0.3}));
    let message = fields.clone().into_message(Some(vec![1, 2]), &profiles).unwrap();
    assert_eq!(message.content, Content::Recording(vec![1, 2]));
    assert_eq!(message.music, Some(Music { id: "system_bgm_001".into(), volume: 0.3 }));
    assert_eq!(message.voice, None, "the default profile is for texts");

    let refused = |value, audio| parse(value).into_message(audio, &profiles);
    assert_eq!(field(fields.into_message(None, &profiles)), "text");
    assert_eq!(field(refused(json!({"text": "Hello"}), Some(vec![1]))), "text");
    assert_eq!(field(refused(json!({"text": "Hello", "bgm_id": "a"}), None)), "music");
    assert_eq!(field(refused(json!({"bgm_volume": 0.5}), Some(vec![1]))), "bgm_volume");
    assert_eq!(
        field(refused(json!({"bgm_id": "a", "bgm_volume": 3}), Some(vec![1]))),
        "music.volume"
    );
    assert_eq!(field(refused(json!({"voice_profile_id": "nova"}), Some(vec![1]))), "voice");
    let error = refused(json!({"text": "Hello", "voice_profile_id": "x"}), None).unwrap_err();
    assert!(matches!(error, Error::UnknownVoiceProfile { .. }));
    let error = refused(json!({"text": "Hello", "prosody_preset": "x"}), None).unwrap_err();
    assert!(matches!(error, Error::UnknownProsodyPreset { .. }));
}

#[test]
fn music_is_found_by_id_in_a_listing() {
    let folder = ["a.mp3", "a.FLAC", "a.txt", "b.ogg", "b.c.wav", "notes", ".mp3", "A.wav"];
    assert_eq!(find_track("a", folder), Ok("a.FLAC"));
    assert_eq!(find_track("b", folder), Ok("b.ogg"));
    assert_eq!(find_track("b.c", folder), Ok("b.c.wav"));
    assert_eq!(find_track("A", folder), Ok("A.wav"));
    let error = find_track("c", folder).unwrap_err();
    assert!(error.to_string().contains("A, a, b, b.c"), "{error}");
    for id in ["", "../a", "a/b", "a\\b", "ü", &"a".repeat(65), "a\0"] {
        assert!(matches!(find_track(id, folder), Err(Error::InvalidMessage { .. })), "{id:?}");
    }
    assert!(find_track("a", []).unwrap_err().to_string().contains("(none)"));
}
