//! The forms of mails: MiniJinja templates, compiled in, each of which a host can replace.
//!
//! A mail has three: its subject (`KIND.subject.txt`), its text (`KIND.txt`) and its HTML (`KIND.html`).
//! They share `layout.html`, `layout.txt` and `parts.html`. Every template is tried out at the start with
//! samples, so that a wrong one is found then and not when the first mail should leave.

use std::fs;
use std::path::{Path, PathBuf};

use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

use crate::letter::{Kind, Letter, clean};
use crate::samples;

/// The longest subject, in characters.
const SUBJECT: usize = 180;

macro_rules! built_in {
    ($($name:literal,)*) => {
        /// The templates that are compiled in, by their names.
        const BUILT_IN: &[(&str, &str)] = &[$(($name, include_str!(concat!("../templates/", $name)))),*];
    };
}

built_in! {
    "layout.html",
    "layout.txt",
    "parts.html",
    "invitation.subject.txt",
    "invitation.txt",
    "invitation.html",
    "reminder.subject.txt",
    "reminder.txt",
    "reminder.html",
    "digest.subject.txt",
    "digest.txt",
    "digest.html",
    "accepted.subject.txt",
    "accepted.txt",
    "accepted.html",
    "may_invite_again.subject.txt",
    "may_invite_again.txt",
    "may_invite_again.html",
}

/// Why templates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The folder or a file in it cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file in the folder is named like no template.
    #[error("{path} is no template of ours; these are: {known}")]
    Unknown {
        /// Which.
        path: PathBuf,
        /// The names there are.
        known: String,
    },
    /// A template is wrong.
    #[error("{name} line {line}: {message}")]
    Wrong {
        /// Which, where it lies.
        name: String,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
}

/// A mail in its form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// One line.
    pub subject: String,
    /// For programs that show text.
    pub text: String,
    /// For those that show HTML.
    pub html: String,
}

/// The templates of a community.
pub struct Templates {
    environment: Environment<'static>,
    folder: Option<PathBuf>,
    community: String,
}

impl std::fmt::Debug for Templates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Templates").field("folder", &self.folder).field("community", &self.community).finish()
    }
}

#[derive(Serialize)]
struct Context<'a> {
    community: &'a str,
    subject: &'a str,
    #[serde(flatten)]
    letter: &'a Letter,
}

impl Templates {
    /// The templates in `folder` over those compiled in, for a community of that name.
    ///
    /// # Errors
    /// [`TemplateError`] if one cannot be read or does not work with a sample of its mail.
    pub fn load(folder: Option<&Path>, community: &str) -> Result<Self, TemplateError> {
        let mut environment = Environment::new();
        // What is misspelt shows at the start, and not as a gap in a mail.
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let overriding = folder.map(read_folder).transpose()?.unwrap_or_default();
        let replaced = overriding.iter().map(|(name, _)| name.as_str());
        let replaced: Vec<String> = replaced.map(str::to_owned).collect();
        let kept = BUILT_IN.iter().filter(|(name, _)| !replaced.iter().any(|other| other == name));
        let kept = kept.map(|(name, source)| ((*name).to_owned(), (*source).to_owned()));
        let mut templates =
            Self { environment, folder: folder.map(Path::to_owned), community: clean(community, SUBJECT) };
        for (name, source) in kept.chain(overriding) {
            let added = templates.environment.add_template_owned(name, source);
            added.map_err(|error| templates.wrong(&error))?;
        }
        for letter in samples::all() {
            templates.render(&letter)?;
        }
        Ok(templates)
    }

    /// A mail in its form.
    ///
    /// # Errors
    /// [`TemplateError::Wrong`] if a template fails with this letter as it did with no sample.
    pub fn render(&self, letter: &Letter) -> Result<Rendered, TemplateError> {
        let subject = clean(&self.part(letter.kind, "subject.txt", "", letter)?, SUBJECT);
        let text = self.part(letter.kind, "txt", &subject, letter)?;
        let html = self.part(letter.kind, "html", &subject, letter)?;
        Ok(Rendered { subject, text, html })
    }

    fn part(&self, kind: Kind, ending: &str, subject: &str, letter: &Letter) -> Result<String, TemplateError> {
        let name = format!("{}.{ending}", kind.name());
        let context = Serde(Context { community: &self.community, subject, letter });
        let rendered = self.environment.get_template(&name).and_then(|template| template.render(context));
        rendered.map_err(|error| self.wrong(&error))
    }

    fn wrong(&self, error: &minijinja::Error) -> TemplateError {
        // What lies deepest says where it is: an error in a shared template reaches its user wrapped.
        let mut deepest = error;
        while let Some(source) = std::error::Error::source(deepest).and_then(<dyn std::error::Error>::downcast_ref) {
            deepest = source;
        }
        let name = deepest.name().unwrap_or_default();
        let place = self.folder.as_ref().map(|folder| folder.join(name)).filter(|path| path.exists());
        let name = place.map_or_else(|| name.to_owned(), |path| path.display().to_string());
        let detail = deepest.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
        let message = format!("{}{detail}", deepest.kind());
        TemplateError::Wrong { name, line: deepest.line().unwrap_or(1), message }
    }
}

/// The templates in a folder. Files without one of our endings are left alone.
fn read_folder(folder: &Path) -> Result<Vec<(String, String)>, TemplateError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| TemplateError::Unreadable { path, source }
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
        let path = entry.map_err(unreadable(folder))?.path();
        let is_ours = path.extension().is_some_and(|ending| ending == "txt" || ending == "html");
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if !is_ours {
            continue;
        }
        if !BUILT_IN.iter().any(|(known, _)| *known == name) {
            let known = BUILT_IN.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
            return Err(TemplateError::Unknown { path, known });
        }
        let source = fs::read_to_string(&path).map_err(unreadable(&path))?;
        found.push((name, source));
    }
    Ok(found)
}
