//! Small rules for every file, each told with the sentence that says what to mend.
//!
//! A file is looked at when git tracks it or would: what `.gitignore` names is left alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Findings;

/// A Rust file with more lines holds more than one thing.
const MAX_LINES: usize = 1000;

/// Marks of unfinished work: what is left to do belongs in an issue. (Written in two parts, here
/// and below, so that this file passes its own check.)
const UNFINISHED: [&str; 6] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("HA", "CK"),
    concat!("to", "do!"),
    concat!("unimple", "mented!"),
];

/// Places that exist on somebody's machine only.
const ELSEWHERE: [&str; 5] = [
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/Us", "ers/"),
    concat!("/wo", "rk/"),
    concat!("../sha", "red"),
];

/// Kinds of file that hold data, not prose or code.
const DATA: [&str; 4] = ["csv", "json", "lock", "svg"];

/// Reads every file and says what is untidy.
pub(crate) fn check(root: &Path) -> Findings {
    let mut found = Vec::new();
    for path in files(root)? {
        // What is not text, or is deleted and not committed yet, has no rules.
        let Ok(text) = fs::read_to_string(root.join(&path)) else {
            continue;
        };
        let exists = |target: &Path| root.join(target).exists();
        for (line, problem) in problems(&path, &text, &exists) {
            found.push(format!("{}:{line}: {problem}", path.display()));
        }
    }
    Ok(found)
}

/// Every file that git tracks or would, relative to the root.
fn files(root: &Path) -> Result<Vec<PathBuf>, String> {
    let output = Command::new("git")
        .current_dir(root)
        .args(["ls-files", "-z", "--deduplicate"])
        .args(["--cached", "--others", "--exclude-standard"])
        .output()
        .map_err(|error| format!("git: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("git ls-files failed: {said}"));
    }
    let names = String::from_utf8(output.stdout).map_err(|error| error.to_string())?;
    let names = names.split('\0').filter(|name| !name.is_empty());
    Ok(names.map(PathBuf::from).collect())
}

/// The number of a line, from 1, and what is wrong there.
type Problem = (usize, String);

fn problems(path: &Path, text: &str, exists: &dyn Fn(&Path) -> bool) -> Vec<Problem> {
    let extension = path.extension().and_then(|extension| extension.to_str());
    let mut found = Vec::new();
    if !extension.is_some_and(|extension| DATA.contains(&extension)) {
        found.extend(marks(text));
    }
    match extension {
        Some("rs") => found.extend(rust(path, text)),
        Some("md") => {
            found.extend(dangling(path, text, exists));
            found.extend(decision(path, text));
        }
        _ => {}
    }
    found
}

/// Marks of unfinished work, and paths of somebody's machine.
fn marks(text: &str) -> Vec<Problem> {
    let mut found = Vec::new();
    for (number, line) in numbered(text) {
        for mark in UNFINISHED.iter().filter(|mark| stands_alone(line, mark)) {
            found.push((number, format!("{mark}: finish it, or open an issue")));
        }
        for place in ELSEWHERE.iter().filter(|place| starts_here(line, place)) {
            found.push((number, format!("{place} is not a place in this repository")));
        }
    }
    found
}

/// How a Rust file begins, and where it ends.
fn rust(path: &Path, text: &str) -> Vec<Problem> {
    let mut found = Vec::new();
    let lines = text.lines().count();
    if lines > MAX_LINES {
        let problem = format!("{lines} lines, over {MAX_LINES}: split it");
        found.push((lines, problem));
    }
    let is_source = path.iter().any(|part| part == "src");
    if is_source && !text.starts_with("//!") {
        found.push((1, "begin with `//!`: what this module is for".to_owned()));
    }
    found
}

/// Links of a Markdown file to files that are not there.
fn dangling(path: &Path, text: &str, exists: &dyn Fn(&Path) -> bool) -> Vec<Problem> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut found = Vec::new();
    let mut in_code = false;
    for (number, line) in numbered(text) {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for target in targets(line) {
            let file = target.split(['#', '?']).next().unwrap_or_default();
            let is_local = !file.is_empty() && !file.contains(':');
            // A leading slash means the repository's root.
            let file = file.strip_prefix('/').map_or_else(|| folder.join(file), PathBuf::from);
            if is_local && !exists(&file) {
                found.push((number, format!("the link to {target} leads nowhere")));
            }
        }
    }
    found
}

/// The targets of the links in one line: `[text](target)` and `[name]: target`, outside code.
fn targets(line: &str) -> Vec<String> {
    let prose: String = line.split('`').step_by(2).collect();
    let inline = prose.split("](").skip(1).filter_map(|rest| {
        let (target, _) = rest.split_once(')')?;
        target.split_whitespace().next()
    });
    let reference = prose.split_once("]: ").and_then(|(name, rest)| {
        let is_definition = name.starts_with('[') && !name.starts_with("[^");
        rest.split_whitespace().next().filter(|_| is_definition)
    });
    inline.chain(reference).map(str::to_owned).collect()
}

/// A decision record says what it is about, and when it was taken.
fn decision(path: &Path, text: &str) -> Option<Problem> {
    let is_record =
        path.parent() == Some(Path::new("docs/decisions")) && path.file_name().is_some_and(|name| name != "README.md");
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let has_title = lines.next().is_some_and(|line| line.starts_with("# "));
    let date = lines.next().and_then(|line| line.strip_prefix("Date: "));
    let problem = "begin with `# Title`, then `Date: YYYY-MM-DD`".to_owned();
    (is_record && !(has_title && date.is_some_and(is_date))).then_some((1, problem))
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.trim_end().split('-').collect();
    let [year, month, day] = parts.as_slice() else {
        return false;
    };
    let number = |part: &str, digits: usize| {
        let right = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<u16>().ok().filter(|_| right)
    };
    number(year, 4).is_some()
        && number(month, 2).is_some_and(|month| (1..=12).contains(&month))
        && number(day, 2).is_some_and(|day| (1..=31).contains(&day))
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line))
}

/// Whether `word` is in `line` and no part of a longer word.
fn stands_alone(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let (before, rest) = line.split_at(at);
        let after = rest.strip_prefix(word).unwrap_or_default();
        let is_macro = word.ends_with('!');
        !before.ends_with(in_word) && (is_macro || !after.starts_with(in_word))
    })
}

/// Whether `place` is in `line` and is no later part of a longer path or address.
fn starts_here(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| !line.split_at(at).0.ends_with(in_word))
}

fn in_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found in a file of this name and text, when `docs/there.md` is the only other file.
    fn found(path: &str, text: &str) -> Vec<String> {
        let exists = |target: &Path| target == Path::new("docs/there.md");
        problems(Path::new(path), text, &exists)
            .into_iter()
            .map(|(line, problem)| format!("{line}: {problem}"))
            .collect()
    }

    const NOTHING: [&str; 0] = [];

    #[test]
    fn marks_of_unfinished_work_are_found_as_words() {
        for mark in UNFINISHED {
            let text = format!("//! A.\n\n// {mark} later\n");
            assert_eq!(found("src/lib.rs", &text).len(), 1, "{mark}");
            assert_eq!(found("data/a.csv", &text), NOTHING);
        }
        assert_eq!(found("a.sh", concat!("mktemp XX", "XX\n")), NOTHING);
        assert_eq!(found("a.md", concat!("a TO", "DOlist\n")), NOTHING);
    }

    #[test]
    fn paths_of_a_machine_are_found_but_not_inside_an_address() {
        let line = concat!("cd /wo", "rk/x and ../sha", "red/y\n");
        assert_eq!(found("script/test", line).len(), 2);
        let address = concat!("https://example.org/wo", "rk/x\n");
        assert_eq!(found("a.md", address), NOTHING);
    }

    #[test]
    fn a_source_file_has_a_header_and_an_end() {
        let long = format!("//! A.\n{}", "\n".repeat(MAX_LINES - 1));
        assert_eq!(found("crates/a/src/lib.rs", &long), NOTHING);
        let longer = format!("{long}\n");
        assert_eq!(found("crates/a/src/lib.rs", &longer), ["1001: 1001 lines, over 1000: split it"]);
        let header = "1: begin with `//!`: what this module is for";
        assert_eq!(found("crates/a/src/lib.rs", "mod b;\n"), [header]);
        assert_eq!(found("crates/a/tests/b.rs", "mod b;\n"), NOTHING);
    }

    #[test]
    fn links_lead_somewhere() {
        let sound = "[a](there.md) [b](/docs/there.md#x) [c](https://a.b/c) [d](#e) `[f](g)`\n\
                     ```\n[h](i)\n```\n[j]: there.md\n[^k]: a note\n";
        assert_eq!(found("docs/a.md", sound), NOTHING);
        assert_eq!(
            found("docs/a.md", "\n![x](gone.png \"title\")\n[y]: /gone\n"),
            ["2: the link to gone.png leads nowhere", "3: the link to /gone leads nowhere"]
        );
    }

    #[test]
    fn a_decision_has_a_title_and_a_date() {
        let problem = ["1: begin with `# Title`, then `Date: YYYY-MM-DD`"];
        let record = "docs/decisions/0001-a.md";
        assert_eq!(found(record, "# A\n\nDate: 2026-01-31\n\nText"), NOTHING);
        for text in ["", "# A\n", "Date: 2026-01-31\n# A", "# A\nDate: 2026-13-01"] {
            assert_eq!(found(record, text), problem, "{text}");
        }
        assert_eq!(found("docs/decisions/README.md", "# Decisions\n"), NOTHING);
    }
}
