//! What can be said on the command line.

use crate::error::CliError;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgAction, Args as ClapArgs, Parser, Subcommand, value_parser};
use portrait_pipeline::voice::{ProsodyPreset, Voice};
use portrait_pipeline::{Devices, Precision};
use std::path::PathBuf;

const EXIT_CODES: &str = "Exit codes: 0 done; 2 wrong usage; 11 the service is impaired (out of memory, crash); \
12 the request failed (bad picture, nobody found, missing weights, D-ID refused); 130 interrupted.\n\nEnvironment: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, in lower case too, are \
kept to for models, D-ID and a speech service; HF_TOKEN, or the token that `hf auth login` keeps, is sent to the hub, and HF_HUB_OFFLINE=1 forbids downloads. PORTRAIT_DATA is the folder in which orders are kept, and which files this command wrote. An empty variable is one that is not set.";

/// Finds people in a photo, cuts them out on a transparent background, and lets them talk.
#[derive(Debug, Parser)]
#[command(name = "portrait", version, after_help = EXIT_CODES)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) settings: Settings,
    /// Print one JSON document on standard output (for several photos a line for each, in order;
    /// for `tensor` a line for each run)
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Show no progress and no warnings
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Log more; again for still more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// Where models run and where their files are.
#[derive(Debug, ClapArgs)]
pub(crate) struct Settings {
    /// Devices: auto, cpu, cuda, cuda:N or cuda:N,N
    #[arg(long, global = true, default_value = "auto", env = "PORTRAIT_DEVICE")]
    pub(crate) device: Devices,
    /// Arithmetic of the networks: f32; tf32, whose products may round; on a CPU int8; on a card f16 or bf16
    #[arg(long, global = true, default_value = "f32", env = "PORTRAIT_PRECISION")]
    pub(crate) precision: Precision,
    /// Folder with a folder per model
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        default_value = "models",
        env = "PORTRAIT_MODELS"
    )]
    pub(crate) models: PathBuf,
    /// Hub cache; Hugging Face's own by default
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) hub_cache: Option<PathBuf>,
    /// Hub to download from
    #[arg(long, global = true, value_name = "URL", env = "HF_ENDPOINT", hide_env_values = true)]
    pub(crate) hub: Option<String>,
    /// Download models that are missing
    #[arg(long, global = true)]
    pub(crate) download: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Find people in a photo
    Detect(DetectArgs),
    /// Cut people out of a photo: a PNG for each
    Cutout(CutoutArgs),
    /// Let the people in a photo say something: a video for each
    Video(Box<VideoArgs>),
    /// Run a network alone: safetensors in, safetensors out
    Tensor(TensorArgs),
    /// List, fetch, verify and measure models
    Models(ModelsArgs),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct DetectArgs {
    #[command(flatten)]
    pub(crate) photos: PhotoArgs,
    /// Draw what was found into a copy of the photo: a JPEG or PNG file, - for standard output, or
    /// a folder for several photos
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) draw: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) replace: ReplaceArgs,
    /// Model id, or a folder with a manifest.toml
    #[arg(long, value_name = "ID")]
    pub(crate) model: Option<String>,
    /// Weights file instead of the one of the model's places
    #[arg(long, value_name = "FILE")]
    pub(crate) weights: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) search: SearchArgs,
    /// Classes to look for, by number; 0 is a person
    #[arg(long, value_name = "N,N", value_delimiter = ',', default_value = "0")]
    pub(crate) classes: Vec<usize>,
}

/// Which photos.
#[derive(Debug, ClapArgs)]
pub(crate) struct PhotoArgs {
    /// JPEG, PNG or WebP files, folders of them, or - for standard input
    #[arg(required = true, value_name = "PHOTO|DIR")]
    pub(crate) photos: Vec<PathBuf>,
    /// Take the photos of the folders in folders too
    #[arg(long)]
    pub(crate) recursive: bool,
}

/// What becomes of files that are there.
#[derive(Debug, ClapArgs)]
pub(crate) struct ReplaceArgs {
    /// Replace files that this command did not write, or made of another photo. Without it only its
    /// own results of the same photo are replaced, while nobody changed them; what the command
    /// reads is never replaced
    #[arg(long)]
    pub(crate) force: bool,
}

/// How people are looked for.
#[derive(Debug, ClapArgs)]
pub(crate) struct SearchArgs {
    /// Least confidence, 0 to 1
    #[arg(long, value_name = "C", default_value_t = 0.25, allow_negative_numbers = true)]
    pub(crate) conf: f32,
    /// Boxes that overlap by more than this are one person, 0 to 1
    #[arg(long, value_name = "IOU", default_value_t = 0.7, allow_negative_numbers = true)]
    pub(crate) iou: f32,
    /// Longer side of the network's input in pixels; the model's own by default
    #[arg(long, value_name = "PIXELS")]
    pub(crate) imgsz: Option<u32>,
    /// Most detections
    #[arg(long, value_name = "N", default_value_t = 300)]
    pub(crate) max_det: usize,
    /// Pad the photo to the nearest multiple of 32 (the default)
    #[arg(long, conflicts_with = "square")]
    pub(crate) rect: bool,
    /// Pad the photo to a square
    #[arg(long)]
    pub(crate) square: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct CutoutArgs {
    #[command(flatten)]
    pub(crate) photos: PhotoArgs,
    /// Folder for the pictures, made if missing: beach.jpg gives beach_person_0.png and so on. A
    /// name that ends in .png is the file of the one person, - is standard output
    #[arg(short, long, value_name = "DIR|FILE")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) replace: ReplaceArgs,
    #[command(flatten)]
    pub(crate) people: PeopleArgs,
    /// Write the matte as a grey PNG instead of the picture
    #[arg(long, conflicts_with = "background")]
    pub(crate) mask_only: bool,
    /// Put people on a colour (white, #rrggbb, two for a gradient: white-#a0c0ff) or a picture file instead of transparency
    #[arg(long, value_name = "COLOUR|FILE")]
    pub(crate) background: Option<String>,
}

/// Who is cut out, how and by which models.
#[derive(Debug, ClapArgs)]
pub(crate) struct PeopleArgs {
    /// People to cut out by the ids that `detect` shows; all by default
    #[arg(long, value_name = "ID,ID", value_delimiter = ',')]
    pub(crate) persons: Option<Vec<usize>>,
    /// Pixels kept around the person's box
    #[arg(long, value_name = "PIXELS", default_value_t = 20)]
    pub(crate) padding: u32,
    /// Soften the edge over this many pixels to each side
    #[arg(long, value_name = "PIXELS", default_value_t = 0)]
    pub(crate) feather: u32,
    #[command(flatten)]
    pub(crate) models: ModelArgs,
    #[command(flatten)]
    pub(crate) search: SearchArgs,
}

/// The models of both steps.
#[derive(Debug, ClapArgs)]
pub(crate) struct ModelArgs {
    /// Segmentation model: an id, or a folder with a manifest.toml
    #[arg(long, value_name = "ID")]
    pub(crate) model: Option<String>,
    /// Weights file of the segmentation model
    #[arg(long, value_name = "FILE")]
    pub(crate) weights: Option<PathBuf>,
    /// Detection model: an id, or a folder with a manifest.toml
    #[arg(long, value_name = "ID")]
    pub(crate) detection_model: Option<String>,
    /// Weights file of the detection model
    #[arg(long, value_name = "FILE")]
    pub(crate) detection_weights: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct VideoArgs {
    /// JPEG, PNG or WebP file, or - for standard input
    pub(crate) photo: PathBuf,
    /// Folder for the videos, made if missing: beach.jpg gives beach_person_0.mp4 and so on. A name
    /// that ends in .mp4 is the file of the one person, - is standard output
    #[arg(short, long, value_name = "DIR|FILE")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) replace: ReplaceArgs,
    #[command(flatten)]
    pub(crate) message: MessageArgs,
    /// What is seen behind them: a colour (white, #rrggbb, two for a gradient: white-#a0c0ff) or a picture file
    #[arg(long, value_name = "COLOUR|FILE", default_value = "white")]
    pub(crate) background: String,
    /// File with the D-ID API key, user:password as D-ID's Studio shows it. The environment variable
    /// D_ID_API_KEY holds it too
    #[arg(long, value_name = "FILE")]
    pub(crate) d_id_key_file: Option<PathBuf>,
    /// The D-ID API key itself. Other users of the machine can see it among the arguments: better
    /// use the file or the variable
    #[arg(long, value_name = "KEY", conflicts_with = "d_id_key_file")]
    pub(crate) d_id_key: Option<String>,
    /// Address of the D-ID API
    #[arg(long, env = "D_ID_URL", value_name = "URL")]
    pub(crate) d_id_url: Option<String>,
    /// Use a stand-in for D-ID on this machine: no key, no cost, a video of the pictures that zooms
    /// slowly. Key, address and --data are not used then
    #[arg(long)]
    pub(crate) fake_d_id: bool,
    /// Folder in which orders and videos are kept for 30 days, by the API's address: the same
    /// command again goes on with what is paid for. By default `portrait` in the user's data folder
    #[arg(long, env = "PORTRAIT_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Any word: asks for another video of the same words, which is paid for anew
    #[arg(long, value_name = "WORD", default_value = "", hide_default_value = true)]
    pub(crate) take: String,
    #[command(flatten)]
    pub(crate) people: PeopleArgs,
}

/// What they say, and how.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Message")]
#[command(group = clap::ArgGroup::new("words").required(true).args(["text", "audio"]))]
pub(crate) struct MessageArgs {
    /// What they say: up to 10000 characters
    #[arg(long, value_name = "TEXT", conflicts_with = "audio")]
    pub(crate) text: Option<String>,
    /// A recording they say: WAV, MP3, FLAC, M4A or Ogg Vorbis, up to 10 minutes
    #[arg(long, value_name = "FILE")]
    pub(crate) audio: Option<PathBuf>,
    /// Voice of the text: ja-JP-NanamiNeural, amazon:Takumi, google:ID, elevenlabs:ID,
    /// azure-openai:ID, or service:ID for one of the speech service
    #[arg(long, value_name = "VOICE", conflicts_with_all = ["audio", "voice_profile"])]
    pub(crate) voice: Option<Voice>,
    /// Voice of the text by its id in the file of profiles
    #[arg(long, value_name = "ID", requires = "voice_profiles", conflicts_with = "audio")]
    pub(crate) voice_profile: Option<String>,
    /// File of voice profiles, TOML or JSON; its default speaks where no voice is named
    #[arg(long, value_name = "FILE", env = "PORTRAIT_VOICE_PROFILES")]
    pub(crate) voice_profiles: Option<PathBuf>,
    /// How the text is spoken
    #[arg(long, value_name = "PRESET", conflicts_with = "audio", value_parser = preset())]
    pub(crate) prosody: Option<ProsodyPreset>,
    /// Music under it: a file, or the id of one in the music folder. Under a text it needs a
    /// speech service
    #[arg(long, value_name = "FILE|ID")]
    pub(crate) music: Option<String>,
    /// How loud the music is against the voice, 0 to 1
    #[arg(long, value_name = "N", requires = "music", default_value_t = 0.3, value_parser = volume)]
    pub(crate) music_volume: f64,
    /// Folder in which music is found by its id: the file's name without its extension
    #[arg(long, value_name = "DIR", env = "PORTRAIT_MUSIC")]
    pub(crate) music_folder: Option<PathBuf>,
    /// Speech service that speaks texts without a voice of D-ID's: an address that /audio/speech
    /// follows, such as http://localhost:8000/v1
    #[arg(long, value_name = "URL", env = "PORTRAIT_SPEECH_URL")]
    pub(crate) speech_url: Option<String>,
    /// File with the API key of the speech service, where it wants one. The environment variable
    /// PORTRAIT_SPEECH_KEY holds it too
    #[arg(long, value_name = "FILE")]
    pub(crate) speech_key_file: Option<PathBuf>,
    /// The API key itself. Other users of the machine can see it among the arguments: better use
    /// the file or the variable
    #[arg(long, value_name = "KEY", conflicts_with = "speech_key_file")]
    pub(crate) speech_key: Option<String>,
    /// Model of the speech service
    #[arg(long, value_name = "ID", requires = "speech_url")]
    pub(crate) speech_model: Option<String>,
}

/// Presets by name, so that the help lists them.
fn preset() -> impl TypedValueParser<Value = ProsodyPreset> {
    PossibleValuesParser::new(ProsodyPreset::ALL.map(ProsodyPreset::name))
        .try_map(|name| name.parse::<ProsodyPreset>())
}

fn volume(text: &str) -> Result<f64, String> {
    let number: Result<f64, _> = text.parse();
    let volume = number.ok().filter(|volume| (0.0..=1.0).contains(volume));
    volume.ok_or_else(|| "0 (silent) to 1 (as loud as the voice) is allowed".to_owned())
}

#[derive(Debug, ClapArgs)]
pub(crate) struct TensorArgs {
    /// Model id, or a folder with a manifest.toml
    #[arg(long, value_name = "ID")]
    pub(crate) model: String,
    /// Weights file instead of the one of the model's places
    #[arg(long, value_name = "FILE")]
    pub(crate) weights: Option<PathBuf>,
    /// File with the tensor `input`: batch x 3 x height x width, normalised
    #[arg(long, value_name = "FILE")]
    pub(crate) input: PathBuf,
    /// File for the tensor `output`
    #[arg(long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Forward passes
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = value_parser!(u32).range(1..))]
    pub(crate) repeat: u32,
    #[command(flatten)]
    pub(crate) replace: ReplaceArgs,
    /// File for the time of each kind of operation, JSON: medians over the passes after the first
    #[arg(long, value_name = "FILE")]
    pub(crate) profile: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ModelsArgs {
    #[command(subcommand)]
    pub(crate) command: ModelsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelsCommand {
    /// Show every model, its licence, and whether its file is on this machine
    List,
    /// Download models into the hub cache
    Fetch {
        /// Model ids
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Measure models on photos with masks of their persons, or on photos without people
    Evaluate(EvaluateArgs),
    /// Check the files on this machine: header, size and SHA-256
    Verify {
        /// Model ids; all that are on this machine by default
        ids: Vec<String>,
    },
}

#[derive(Debug, ClapArgs)]
#[command(group = clap::ArgGroup::new("truth").required(true).args(["masks", "no_people"]))]
pub(crate) struct EvaluateArgs {
    /// Folder of photos
    #[arg(long, value_name = "DIR")]
    pub(crate) images: PathBuf,
    /// Folder of masks: grey pictures of the photos' names and sizes, white where a person is
    #[arg(long, value_name = "DIR")]
    pub(crate) masks: Option<PathBuf>,
    /// The photos show nobody: count what is found nevertheless
    #[arg(long)]
    pub(crate) no_people: bool,
    /// Take each Nth photo by file name order: 10 takes the held-out ones of the starter models
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = value_parser!(u32).range(1..))]
    pub(crate) every: u32,
    /// What to measure; all that the photos allow by default. `boxes`: persons found. `photo`: the
    /// matte of the whole photo. `person`: the cut-out of the person whose box is that of the mask
    #[arg(long, value_name = "WHAT,WHAT", value_delimiter = ',')]
    pub(crate) measure: Option<Vec<Measure>>,
    #[command(flatten)]
    pub(crate) models: ModelArgs,
    #[command(flatten)]
    pub(crate) search: SearchArgs,
}

impl EvaluateArgs {
    /// What to measure.
    ///
    /// # Errors
    /// [`CliError::Usage`] where the photos do not allow what was asked for.
    pub(crate) fn measures(&self) -> Result<Vec<Measure>, CliError> {
        match &self.measure {
            Some(asked) if self.no_people && asked.contains(&Measure::Person) => {
                let reason =
                    "--measure person needs masks of persons: it does not go with --no-people";
                Err(CliError::Usage(reason.into()))
            }
            Some(asked) => Ok(asked.clone()),
            None if self.no_people => Ok(vec![Measure::Boxes, Measure::Photo]),
            None => Ok(vec![Measure::Boxes, Measure::Photo, Measure::Person]),
        }
    }
}

/// What `models evaluate` measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Measure {
    /// Persons found
    Boxes,
    /// The matte of the whole photo
    Photo,
    /// The cut-out of the masked person
    Person,
}
