//! The committed `openapi.json` is what the handlers say.
//!
//! The document is a reviewed artefact: it is generated without a server or a database by
//! `acquaint openapi`, committed, and compared here, so that a change of the API shows in review.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::Findings;

const FILE: &str = "openapi.json";
/// Differences shown before the rest is only counted.
const SHOWN: usize = 20;

/// Compares the committed document with the generated one.
pub(crate) fn check(root: &Path, program: Option<&str>) -> Findings {
    let generated = generate(root, program)?;
    let committed = fs::read_to_string(root.join(FILE)).unwrap_or_default();
    if committed == generated {
        return Ok(Vec::new());
    }
    let mut found = match serde_json::from_str(&committed) {
        Ok(before) => differences(&before, &parse(&generated)?),
        Err(_) => vec![format!("{FILE} is missing or is not JSON")],
    };
    if found.is_empty() {
        found.push(format!("{FILE} differs in layout only"));
    }
    if found.len() > SHOWN {
        let more = found.len() - SHOWN;
        found.truncate(SHOWN);
        found.push(format!("… and {more} more"));
    }
    found.push("if the change is meant, run `cargo xtask openapi --write` and commit it".to_owned());
    Ok(found)
}

/// Replaces the committed document with the generated one.
pub(crate) fn write(root: &Path, program: Option<&str>) -> Findings {
    let generated = generate(root, program)?;
    parse(&generated)?;
    fs::write(root.join(FILE), generated).map_err(|error| format!("{FILE}: {error}"))?;
    Ok(Vec::new())
}

/// Asks the program, which is built anew unless one is named.
fn generate(root: &Path, program: Option<&str>) -> Result<String, String> {
    let mut command = program.map_or_else(
        || {
            let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
            cargo.current_dir(root).args(["run", "--quiet", "--package", "acquaint-cli", "--bin", "acquaint", "--"]);
            cargo
        },
        Command::new,
    );
    let output = command.arg("openapi").output().map_err(|error| format!("acquaint openapi: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("`acquaint openapi` failed:\n{said}"));
    }
    String::from_utf8(output.stdout).map_err(|error| error.to_string())
}

fn parse(document: &str) -> Result<Value, String> {
    serde_json::from_str(document).map_err(|error| format!("`acquaint openapi` printed no JSON: {error}"))
}

/// What changed, a JSON pointer a line: `+` added, `-` removed, `~` another value.
fn differences(before: &Value, after: &Value) -> Vec<String> {
    let (mut old, mut new) = (BTreeMap::new(), BTreeMap::new());
    leaves(before, String::new(), &mut old);
    leaves(after, String::new(), &mut new);
    let mut found: Vec<String> = old
        .iter()
        .filter_map(|(pointer, value)| match new.get(pointer) {
            None => Some(format!("- {pointer}: {value}")),
            Some(now) if now != value => Some(format!("~ {pointer}: {value} → {now}")),
            Some(_) => None,
        })
        .collect();
    let added = new.iter().filter(|(pointer, _)| !old.contains_key(*pointer));
    found.extend(added.map(|(pointer, value)| format!("+ {pointer}: {value}")));
    found
}

/// Every value that holds no other, by its JSON pointer (RFC 6901).
fn leaves<'a>(value: &'a Value, pointer: String, into: &mut BTreeMap<String, &'a Value>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, field) in fields {
                let name = name.replace('~', "~0").replace('/', "~1");
                leaves(field, format!("{pointer}/{name}"), into);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                leaves(item, format!("{pointer}/{index}"), into);
            }
        }
        _ => {
            into.insert(pointer, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_difference_is_named_by_its_pointer() {
        let before = json!({"paths": {"/v1/a": {"get": 1}, "/v1/b": {}}, "tags": ["x", "y"]});
        let after = json!({"paths": {"/v1/a": {"get": 2}, "/v1/c": {}}, "tags": ["x"]});
        assert_eq!(
            differences(&before, &after),
            ["~ /paths/~1v1~1a/get: 1 → 2", "- /paths/~1v1~1b: {}", "- /tags/1: \"y\"", "+ /paths/~1v1~1c: {}",]
        );
    }

    #[test]
    fn the_order_of_fields_is_no_difference() {
        let before: Value = serde_json::from_str(r#"{"a": 1, "b": []}"#).unwrap();
        let after: Value = serde_json::from_str(r#"{"b": [], "a": 1}"#).unwrap();
        assert!(differences(&before, &after).is_empty());
    }
}
