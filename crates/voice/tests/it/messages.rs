use portrait_voice::{
    Content, Error, Message, MessageFields, Music, Plan, Prosody, ProsodyPreset, SpeechRequest,
    SpokenText, Track, Voice, VoiceProfiles, VoiceSettings, find_track,
};
use serde_json::{Value, json};

fn spoken(voice: Option<Voice>, preset: ProsodyPreset, text: &str) -> SpokenText {
    let message = Message { voice, prosody: preset.prosody(), ..Message::text(text) };
    provider(&message)
}

/// What D-ID's providers get.
fn provider(message: &Message) -> SpokenText {
    match message.plan(false).unwrap() {
        Plan::Provider(spoken) => spoken,
        other => panic!("{other:?}"),
    }
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

const CONGRATULATIONS: &str = "おめでとうございます！";

#[test]
fn a_celebration_in_japanese_for_every_provider() {
    let text = CONGRATULATIONS;
    let celebrate = |voice: Option<Voice>| {
        let spoken = spoken(voice.clone(), ProsodyPreset::Celebration, text);
        assert_eq!(spoken.voice, voice);
        spoken
    };
    let none = VoiceSettings::default;
    let plain = |settings| SpokenText { input: text.into(), ssml: false, voice: None, settings };
    assert_eq!(celebrate(None), plain(none()));
    let lively = VoiceSettings { rate: Some(1.08), pitch_semitones: Some(2.0), ..none() };
    assert_eq!(
        celebrate(Some(nanami())).settings,
        VoiceSettings { style: Some("Cheerful".into()), ..lively.clone() }
    );
    // A style the voice is not known to have is not asked of it.
    assert_eq!(celebrate(Some(Voice::microsoft("ja-JP-KeitaNeural"))).settings, lively);
    let voice = Voice::AzureOpenAi { voice_id: "nova".into(), language: None };
    assert_eq!(celebrate(Some(voice)).settings, lively);
    let voice = Voice::ElevenLabs { voice_id: None, model_id: None, language: None };
    assert_eq!(
        celebrate(Some(voice)).settings,
        VoiceSettings {
            stability: Some(0.35),
            rate: Some(1.08),
            exaggeration: Some(0.6),
            ..none()
        }
    );
    let ssml = |voice| {
        let spoken = celebrate(Some(voice));
        assert_eq!((spoken.ssml, &spoken.settings), (true, &none()));
        spoken.input
    };
    assert_eq!(
        ssml(Voice::Amazon { voice_id: "Takumi".into(), language: None }),
        format!("<speak><prosody rate=\"108%\">{text}</prosody></speak>")
    );
    assert_eq!(
        ssml(Voice::Google { voice_id: Some("ja-JP-Neural2-B".into()) }),
        format!("<speak><prosody rate=\"108%\" pitch=\"+2st\">{text}</prosody></speak>")
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
        assert_eq!(spoken.settings, VoiceSettings::default());
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
            let settings = provider(&message).settings;
            assert_eq!(settings.stability, Some(stability), "{model}");
            assert_eq!(settings.rate, Some(if rate < 1.0 { 0.7 } else { 1.2 }));
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
    let plan = |text: String, service: bool| Message::text(text).plan(service);
    assert_eq!(field(plan("おめ".into(), false)), "text");
    plan("おめで".into(), false).unwrap();
    assert_eq!(field(plan("   a   ".into(), false)), "text");
    assert_eq!(field(plan("\u{0}\u{1}\u{2}ab".into(), false)), "text");
    // 30,000 bytes.
    for service in [false, true] {
        plan("お".repeat(10_000), service).unwrap();
        assert_eq!(field(plan("お".repeat(10_001), service)), "text");
        assert_eq!(field(plan(" \n ".into(), service)), "text");
    }
    // A service has no least length but the one.
    plan("は".into(), true).unwrap();
    let named = |voice| Message { voice: Some(voice), ..Message::text("は") };
    named(Voice::service("anna")).check().unwrap();
    assert_eq!(field(named(nanami()).check()), "text");
    // Escaping makes five of one.
    let many = Message {
        voice: Some(Voice::Google { voice_id: None }),
        prosody: ProsodyPreset::Calm.prosody(),
        ..Message::text("&".repeat(9_000))
    };
    assert_eq!(field(many.plan(false)), "text");
}

fn music(volume: f64) -> Option<Music> {
    Some(Music { track: Track::Id("system_bgm_001".into()), volume })
}

#[test]
fn parts_that_do_not_go_together_are_refused() {
    let recording = || Message::recording(vec![1]);
    Message { music: music(0.3), ..recording() }.check().unwrap();
    let by_provider = Message { voice: Some(nanami()), ..Message::text("Hello") };
    assert_eq!(field(Message { music: music(0.3), ..by_provider.clone() }.check()), "music");
    // Music that is not heard is none.
    Message { music: music(0.0), ..by_provider }.check().unwrap();
    assert_eq!(field(Message { voice: Some(nanami()), ..recording() }.check()), "voice");
    let prosody = ProsodyPreset::Calm.prosody();
    assert_eq!(field(Message { prosody, ..recording() }.check()), "prosody");
    assert_eq!(field(Message::recording(Vec::new()).check()), "audio");
    let voice = Some(Voice::microsoft(" "));
    assert_eq!(field(Message { voice, ..Message::text("Hello") }.check()), "voice");
    for volume in [-0.1, 1.1, f64::NAN] {
        assert_eq!(field(Message { music: music(volume), ..recording() }.check()), "music.volume");
    }
    let of = |track| Some(Music { track, volume: 0.1 });
    let track = of(Track::Id("../a".into()));
    assert_eq!(field(Message { music: track, ..recording() }.check()), "music.id");
    let track = of(Track::File(Vec::new().into()));
    assert_eq!(field(Message { music: track, ..recording() }.check()), "music");
    for prosody in [
        Prosody { rate: 0.1, ..Prosody::default() },
        Prosody { pitch_semitones: f64::NAN, ..Prosody::default() },
        Prosody { expressiveness: Some(2.0), ..Prosody::default() },
    ] {
        let error = Message { prosody, ..Message::text("Hello") }.check().unwrap_err();
        assert!(matches!(error, Error::InvalidOption { .. }), "{error}");
    }
}

#[test]
fn who_speaks_is_decided_by_voice_music_and_service() {
    let said = |voice: Option<Voice>, volume: f64, service: bool| {
        let message = Message { voice, music: music(volume), ..Message::text("Hello") };
        match message.plan(service) {
            Ok(Plan::Provider(spoken)) => {
                format!("provider {:?}", spoken.voice.map(|v| v.to_string()))
            }
            Ok(Plan::Service(request)) => format!("service {:?}", request.voice_id),
            Ok(Plan::Recording(_)) => "recording".to_owned(),
            Err(Error::NoSpeechService { .. }) => "no service".to_owned(),
            Err(Error::InvalidMessage { field, .. }) => format!("refused {field}"),
            Err(error) => panic!("{error}"),
        }
    };
    let anna = || Some(Voice::service("anna"));
    let takumi = || Some(Voice::Amazon { voice_id: "Takumi".into(), language: None });
    for service in [false, true] {
        assert_eq!(said(takumi(), 0.0, service), "provider Some(\"amazon:Takumi\")");
        assert_eq!(said(takumi(), 0.3, service), "refused music");
    }
    for volume in [0.0, 0.3] {
        assert_eq!(said(anna(), volume, true), "service Some(\"anna\")");
        assert_eq!(said(anna(), volume, false), "no service");
        assert_eq!(said(None, volume, true), "service None");
    }
    assert_eq!(said(None, 0.0, false), "provider None");
    assert_eq!(said(None, 0.3, false), "no service");
    let error = Message { music: music(0.3), ..Message::text("Hello") }.plan(false).unwrap_err();
    assert!(error.to_string().contains("configure a speech service"), "{error}");

    let recording = Message { music: music(0.3), ..Message::recording(vec![1]) };
    for service in [false, true] {
        assert_eq!(recording.plan(service).unwrap(), Plan::Recording(vec![1].into()));
    }
}

#[test]
fn a_service_gets_the_message_in_plain_values() {
    let voice = Voice::Service {
        voice_id: Some("openvoice_c403f011".into()),
        model_id: Some("openvoice-v2".into()),
        styles: vec!["Sad".into(), "Excited".into(), "Friendly".into()],
        language: Some("ja".into()),
    };
    let prosody = ProsodyPreset::Celebration.prosody();
    let text = format!("\u{0}  {CONGRATULATIONS} <3\n");
    let message = Message { voice: Some(voice), prosody, ..Message::text(text) };
    let Plan::Service(request) = message.plan(true).unwrap() else { panic!() };
    assert_eq!(
        request,
        SpeechRequest {
            text: format!("{CONGRATULATIONS} <3"),
            voice_id: Some("openvoice_c403f011".into()),
            model_id: Some("openvoice-v2".into()),
            language: Some("ja".into()),
            style: Some("Excited".into()),
            rate: 1.08,
            pitch_semitones: 2.0,
            expressiveness: Some(0.6),
        }
    );
}

#[test]
fn voices_have_names_both_ways() {
    for name in [
        "microsoft:ja-JP-NanamiNeural",
        "microsoft:en-US-Ava:DragonHDLatestNeural",
        "amazon:Takumi",
        "azure-openai:nova",
        "elevenlabs:21m00Tcm4TlvDq8ikWAM",
        "elevenlabs",
        "google:ja-JP-Neural2-B",
        "google",
        "service:openvoice_c403f011",
        "service",
    ] {
        let voice: Voice = name.parse().unwrap();
        assert_eq!(voice.to_string(), name);
        assert_eq!(voice.is_service(), name.starts_with("service"));
    }
    for id in ["ja-JP-NanamiNeural", "en-US-Ava:DragonHDLatestNeural"] {
        assert_eq!(id.parse::<Voice>().unwrap(), Voice::microsoft(id));
    }
    for name in
        ["", "foo:bar", "amazon", "microsoft", "azure-openai", "amazon:", "google: ", "service:"]
    {
        assert_eq!(field(name.parse::<Voice>()), "voice", "{name:?}");
    }
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

    [profiles.cloned]
    provider = "service"
    voice_id = "anna"
    language = "ja"
    styles = ["excited"]
"#;

#[test]
fn profiles_are_read_from_toml_and_json() {
    let profiles = VoiceProfiles::from_toml(PROFILES).unwrap();
    assert_eq!(profiles.find(Some("openvoice_c403f011")).unwrap(), Some(&nanami()));
    assert_eq!(profiles.find(None).unwrap(), Some(&nanami()));
    assert_eq!(profiles.profiles.len(), 6);
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
    let message = fields.clone().into_message(Some(vec![1, 2].into()), &profiles).unwrap();
    assert_eq!(message.content, Content::Recording(vec![1, 2].into()));
    assert_eq!(message.music, music(0.3));
    assert_eq!(message.voice, None, "the default profile is for texts");

    let refused =
        |value, audio: Option<Vec<u8>>| parse(value).into_message(audio.map(Into::into), &profiles);
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

/// The body that the field's own page of endpoints shows, with a profile for its voice.
#[test]
fn the_example_of_the_field_is_spoken_by_a_service_over_music() {
    let fields: MessageFields = serde_json::from_value(json!({
        "image_id": "abc123",
        "persons": [{"person_id": 0, "processed_image_url": "data:image/png;base64,"}],
        "text": CONGRATULATIONS,
        "voice_profile_id": "openvoice_c403f011",
        "prosody_preset": "celebration",
        "bgm_id": "system_bgm_001",
        "bgm_volume": 0.3,
    }))
    .unwrap();
    let profiles = VoiceProfiles::from_toml(
        "[profiles.openvoice_c403f011]\nprovider = 'service'\nvoice_id = 'c403f011'\nlanguage = 'ja'",
    )
    .unwrap();
    let message = fields.into_message(None, &profiles).unwrap();
    assert_eq!(message.music, music(0.3));
    let Plan::Service(request) = message.plan(true).unwrap() else { panic!() };
    assert_eq!((request.text.as_str(), request.rate), (CONGRATULATIONS, 1.08));
    assert_eq!(request.text.chars().count(), 11);
    assert_eq!(
        (request.voice_id.as_deref(), request.language.as_deref()),
        (Some("c403f011"), Some("ja"))
    );
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

#[test]
fn a_text_that_shows_nothing_is_empty() {
    let plan = |text: &str, service: bool| Message::text(text).plan(service);
    for text in [
        "\u{200b}\u{200b}\u{200b}",
        "\u{feff}\u{200d} \u{200c}\n\u{2060}",
        "\u{ad}\u{ad}\u{ad}\u{ad}",
        "\u{200e}\u{202a}\u{202c}\u{2066}\u{2069}",
        "\u{fe0f}\u{fe0f}\u{fe0f}",
        "\u{3164}\u{3164}\u{3164}",
        "\u{115f}\u{1160}\u{ffa0}",
        "\u{2800}\u{2800}\u{2800}",
        "\u{e0001}\u{e0020}\u{e007f}",
        "\u{a0}\u{2003}\u{3000}\u{180e}\u{85}",
    ] {
        for service in [false, true] {
            assert_eq!(field(plan(text, service)), "text", "{text:?}");
        }
    }
    // Where something is to be seen, such characters belong to it.
    for text in ["👨\u{200d}👩\u{200d}👧", "می\u{200c}خواهم", "❤\u{fe0f}!!", "\u{feff}Hello"]
    {
        plan(text, false).unwrap();
        let Plan::Service(request) = plan(text, true).unwrap() else { panic!("{text:?}") };
        assert_eq!(request.text, text);
    }
}
