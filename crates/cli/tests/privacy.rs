//! After an erasure, a backup of the whole store knows nothing of the member, and no file of a copy does.
#![expect(clippy::unwrap_used, reason = "tests, and what helps them, stop at the first surprise")]

mod common;

use std::io::Read;
use std::path::Path;

use common::{Server, field, run};

/// Everything that a store holds, as text.
fn dump(folder: &Path, store: &str) -> String {
    let file = folder.join("backup");
    run(&["backup", file.to_str().unwrap(), "--force", "--store", store]).succeeds();
    let mut text = String::new();
    zstd::Decoder::new(std::fs::File::open(file).unwrap()).unwrap().read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_backup_after_an_erasure_knows_nothing_of_the_member() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let store = format!("fjall:{}", path.display());
    let planted =
        ["planted-id", "Planted Name", "Planted headline", "planted@example.org", "Planted note", "Planted text"];
    let server = Server::start(&path, &[]);
    let mut client = server.client();
    let mut call = |method: &str, path: &str, member: &str, key: Option<&str>, body: &str| {
        let (status, said) =
            client.call_with(method, path, member, key.map(|key| ("Idempotency-Key", key)), body).unwrap();
        assert!((200..300).contains(&status), "{method} {path}: {said}");
        said
    };
    let profile = r#"{"name":"Planted Name","headline":"Planted headline","email":"planted@example.org"}"#;
    call("PUT", "/v1/members/planted-id", "x", None, profile);
    let note = r#"{"to":"bob","note":"Planted note"}"#;
    let sent = call("POST", "/v1/invitations", "planted-id", Some("k"), note);
    call("POST", &format!("/v1/invitations/{}/accept", field(&sent, "id")), "bob", Some("k"), "");
    let engaged = r#"{"target":"bob","kind":"comment","text":"Planted text"}"#;
    call("POST", "/v1/engagements", "planted-id", None, engaged);
    let invited = call("POST", "/v1/invitations", "cid", Some("k"), r#"{"to":"planted-id"}"#);
    let plan = format!(r#"{{"invitations":["{}"]}}"#, field(&invited, "id"));
    call("POST", "/v1/cleanup/plan", "cid", None, &plan);
    call("PUT", "/v1/blocks/planted-id", "dee", None, "");
    server.signal("TERM");
    server.end();
    let before = dump(folder.path(), &store);
    assert!(planted.iter().all(|text| before.contains(text)), "{before}");

    let server = Server::start(&path, &[]);
    let (status, said) = server.client().call("DELETE", "/v1/members/planted-id", "x", "").unwrap();
    assert_eq!(status, 204, "{said}");
    server.signal("TERM");
    server.end();
    let after = dump(folder.path(), &store);
    let left: Vec<&str> = after.lines().filter(|line| planted.iter().any(|text| line.contains(text))).collect();
    assert!(left.len() == 1 && left[0].contains("MemberErased"), "{left:#?}");

    // The embedded store overwrites what is gone when it compacts, which may be long after; a copy of the
    // store never had it. The id is in the event that says that it was erased.
    let written = |path: &Path| -> Vec<&str> {
        let bytes = raw(path);
        let is_there = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        planted.into_iter().skip(1).filter(|text| is_there(text)).collect()
    };
    assert!(!written(&path).is_empty(), "the search finds what is there");
    let copy = folder.path().join("copy");
    let to = format!("fjall:{}", copy.display());
    let progress = folder.path().join("progress");
    run(&["store", "copy", "--from", &store, "--to", &to, "--progress", progress.to_str().unwrap()]).succeeds();
    assert_eq!(written(&copy), [""; 0]);
}

/// Every byte of every file below a folder.
fn raw(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        all.extend(if path.is_dir() { raw(&path) } else { std::fs::read(&path).unwrap() });
    }
    all
}
