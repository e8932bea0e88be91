//! Archives that mean harm, or are none: refused, with nothing written anywhere.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use acquaint_linkedin::export::{Export, Part};
use acquaint_linkedin::ledger::Ledger;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::{NOW, folder, import, read, told};

fn archive(folder: &Path, files: &[(&str, &[u8])]) -> PathBuf {
    let path = folder.join("Basic_LinkedInDataExport_03-02-2026.zip");
    let mut zip = ZipWriter::new(File::create(&path).unwrap());
    for (name, bytes) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
    path
}

#[test]
fn an_archive_is_read_like_its_folder() {
    let place = tempfile::tempdir().unwrap();
    let bytes = |name: &str| fs::read(folder("usual").join(name)).unwrap();
    let (invitations, connections) = (bytes("Invitations.csv"), bytes("Connections.csv"));
    let zip = archive(
        place.path(),
        &[
            ("__MACOSX/._Invitations.csv", b"x"),
            ("Jobs/Job Seeker Preferences.csv", b"x"),
            ("export/invitations.csv", &invitations),
            ("export/CONNECTIONS.csv", &connections),
        ],
    );
    let (mut of_zip, mut of_folder) = (Ledger::default(), Ledger::default());
    import(&mut of_zip, &zip);
    import(&mut of_folder, &folder("usual"));
    assert_eq!(of_zip, of_folder);
    assert_eq!(told(&of_zip).len(), 8);
}

#[test]
fn a_bomb_is_found_out_while_it_unpacks() {
    let place = tempfile::tempdir().unwrap();
    let header = "From,To,Sent At,Message,Direction\n";
    let mut bomb = header.as_bytes().to_vec();
    bomb.resize(64 << 20, b'\n');
    let zip = archive(place.path(), &[("Invitations.csv", &bomb)]);
    assert!(fs::metadata(&zip).unwrap().len() < 1 << 20);
    let told = read(&zip).unwrap_err();
    assert!(told.contains("unpacks to far more than any export"), "{told}");
}

#[test]
fn names_that_lead_out_are_refused() {
    let place = tempfile::tempdir().unwrap();
    for name in ["../Invitations.csv", "/etc/Invitations.csv", "a/../../Connections.csv"] {
        let zip = archive(place.path(), &[(name, b"x")]);
        let told = read(&zip).unwrap_err();
        assert!(
            told.contains("which no export of LinkedIn does") || told.contains("no Invitations.csv"),
            "{name}: {told}"
        );
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1, "nothing is unpacked");
    }
}

#[test]
fn what_is_no_export_is_told() {
    let place = tempfile::tempdir().unwrap();
    let empty = archive(place.path(), &[("Profile.csv", b"x")]);
    assert!(read(&empty).unwrap_err().contains("no Invitations.csv"));
    assert!(read(place.path()).unwrap_err().contains("no Invitations.csv"));
    assert!(read(&place.path().join("none.zip")).unwrap_err().contains("cannot be read"));
    let broken = place.path().join("broken.zip");
    fs::write(&broken, b"PK\x03\x04 and no more").unwrap();
    assert!(read(&broken).unwrap_err().contains("not a zip archive that can be read"));
    let photo = place.path().join("photo.jpg");
    fs::write(&photo, b"\xff\xd8").unwrap();
    assert!(read(&photo).unwrap_err().contains("no Invitations.csv"));
}

#[test]
fn an_archive_cut_anywhere_is_an_error_or_whole() {
    let place = tempfile::tempdir().unwrap();
    let invitations = fs::read(folder("usual").join("Invitations.csv")).unwrap();
    let zip = archive(place.path(), &[("Invitations.csv", &invitations)]);
    let whole = fs::read(&zip).unwrap();
    for length in 0..whole.len() {
        fs::write(&zip, &whole[..length]).unwrap();
        assert!(read(&zip).is_err(), "cut to {length} of {}", whole.len());
    }
}

#[test]
fn utf_16_is_told_and_windows_1252_converted() {
    let text = fs::read_to_string(folder("old").join("Invitations.csv")).unwrap();
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let told = Export::read_part(Part::Invitations, utf16.as_slice(), NOW).unwrap_err().to_string();
    assert!(told.starts_with("Invitations.csv: it was saved as UTF-16"), "{told}");
    let latin = text.replace("Uma Unique", "Zo\u{1}");
    let latin: Vec<u8> = latin.bytes().map(|byte| if byte == 1 { 0xeb } else { byte }).collect();
    let export = Export::read_part(Part::Invitations, latin.as_slice(), NOW).unwrap();
    assert_eq!(export.outgoing.unwrap()[4].name, "Zoë");
    assert!(export.remarks.iter().any(|it| it.contains("Windows-1252")), "{:?}", export.remarks);
}
