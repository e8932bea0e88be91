//! Policies: reading the one that is in force, checking a file, showing a preset.

use std::fs;
use std::path::Path;

use acquaint_core::policy::{Policy, Preset};

use crate::args::PolicyCommand;
use crate::failure::{Failure, Outcome};
use crate::output;

/// Where the rules in force come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PolicySource {
    Preset(Preset),
    File(String),
}

impl PolicySource {
    /// The name of a preset, or else the path of a file.
    #[expect(clippy::unnecessary_wraps, reason = "one shape for every meaning of a setting")]
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        Ok(text.parse().map_or_else(|_| Self::File(text.to_owned()), Self::Preset))
    }

    /// Reads the policy, anew each time.
    pub(crate) fn read(&self) -> Outcome<Policy> {
        match self {
            Self::Preset(preset) => Ok(Policy::preset(*preset)),
            Self::File(path) => read(Path::new(path)),
        }
    }
}

impl Default for PolicySource {
    fn default() -> Self {
        Self::Preset(Preset::default())
    }
}

impl std::fmt::Display for PolicySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Preset(preset) => write!(f, "preset {preset}"),
            Self::File(path) => f.write_str(path),
        }
    }
}

fn read(path: &Path) -> Outcome<Policy> {
    let text = fs::read(path)
        .map_err(|error| Failure::usage(format_args!("cannot read the policy in {}: {error}", path.display())))?;
    let text = String::from_utf8(text).map_err(|error| {
        let line =
            error.as_bytes().iter().take(error.utf8_error().valid_up_to()).filter(|byte| **byte == b'\n').count() + 1;
        Failure::usage(format_args!("{} line {line}: not UTF-8 text", path.display()))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    Policy::parse(text).map_err(|error| Failure::usage(format_args!("{} {error}", path.display())))
}

/// Carries out `acquaint policy`.
pub(crate) fn run(command: &PolicyCommand) -> Outcome<()> {
    match command {
        PolicyCommand::Check { file } => {
            let policy = read(file)?;
            output::line(&format!("{}: a valid policy, over the preset {}", file.display(), policy.preset))
        }
        PolicyCommand::Show { preset } => {
            let preset: Preset = preset
                .parse()
                .map_err(|expected| Failure::usage(format_args!("there is no preset {preset:?}: {expected}")))?;
            output::raw(Policy::preset(preset).to_toml().as_bytes())
        }
    }
}
