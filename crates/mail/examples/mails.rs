//! Writes the sample of every mail into a folder, as HTML and as text: `mails FOLDER [TEMPLATES]`.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use acquaint_mail::samples;
use acquaint_mail::templates::Templates;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let folder = arguments.next().ok_or("mails FOLDER [TEMPLATES]")?;
    let templates = Templates::load(arguments.next().as_deref(), "Acquaint")?;
    for (name, letter) in samples::named() {
        let mail = templates.render(&letter)?;
        write(&folder, name, "html", &mail.html)?;
        write(&folder, name, "txt", &format!("Subject: {}\n\n{}", mail.subject, mail.text))?;
    }
    Ok(())
}

fn write(folder: &Path, name: &str, ending: &str, text: &str) -> std::io::Result<()> {
    fs::write(folder.join(format!("{name}.{ending}")), text)
}
