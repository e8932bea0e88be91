//! "Your LinkedIn": a made-up export in a browser, from what was sent to what is withdrawn by hand.

use std::sync::Arc;

use serde_json::json;

use super::common::{Ran, Server, acquaint};
use super::driver::{Browser, DESKTOP, Driver, PHONE, Screen};
use super::looks::look;

const NOW: &str = "2026-03-10T08:00:00Z";

/// Pages of an export of sixty people, half of whom accepted on the day.
struct Desk {
    driver: Arc<Driver>,
    server: Server,
    folder: tempfile::TempDir,
}

impl Desk {
    /// With the export imported.
    fn new() -> Self {
        let folder = Self::export();
        let mut command = acquaint();
        command.args(["linkedin", "import", ".", "--now", NOW]).current_dir(folder.path());
        Ran(command.output().unwrap()).succeeds();
        Self::open(folder)
    }

    fn export() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let mut rows = "From,To,Sent At,Direction,inviterProfileUrl,inviteeProfileUrl\n".to_owned();
        let mut connections = "First Name,Last Name,URL,Connected On\n".to_owned();
        for number in 0..60 {
            let address = format!("https://www.linkedin.com/in/made-up-{number}");
            let day = 1 + number % 28;
            rows += &format!(
                "Me,Made Up {number},\"1/{day}/26, 9:00 AM\",OUTGOING,https://www.linkedin.com/in/me,{address}\n"
            );
            if number % 2 == 0 {
                connections += &format!("Made,Up {number},{address},{day:02} Jan 2026\n");
            }
        }
        connections += "Late,Comer,,01 Mar 2026\n";
        std::fs::write(folder.path().join("Invitations.csv"), rows).unwrap();
        std::fs::write(folder.path().join("Connections.csv"), connections).unwrap();
        folder
    }

    fn open(folder: tempfile::TempDir) -> Self {
        let mut command = acquaint();
        command.args(["linkedin", "pages", "--listen", "127.0.0.1:0", "--now", NOW]).current_dir(folder.path());
        Self { driver: Driver::start(), server: Server::spawn(command), folder }
    }

    fn browser(&self, screen: Screen) -> Browser {
        self.driver.open(screen, &format!("http://{}", self.server.address), true)
    }
}

#[test]
fn what_was_withdrawn_by_hand_is_noted_and_waits() {
    let desk = Desk::new();
    let browser = desk.browser(PHONE);
    browser.go("/");
    assert_eq!(browser.path(), "/linkedin/sent");
    browser.sees("Pending or unknown");
    browser.named("Clean up").follow();
    browser.sees("30 are old. Withdraw at most 25 more today; at that pace it takes 2 days in all.");
    assert_eq!(browser.count(".rows > .row"), 25);
    let name = browser.find(".row .name bdi").text();
    browser.named("Withdraw").click();
    browser.sees("Press Pending, below the name.");
    let link = browser.find(".steps-there a").property("href");
    assert!(link.starts_with("https://www.linkedin.com/in/made-up-"), "{link}");
    browser.named("I withdrew it").click();
    browser.sees("from 31 March 2026. 24 are left for today.");
    assert_eq!(browser.count(".rows > .row"), 24);
    browser.named("Wait list").follow();
    browser.sees("you may invite them again from 31 March 2026");
    let dates = browser.js("return fetch('/linkedin/waiting.ics').then(r => r.text())", &[]);
    assert!(dates.as_str().unwrap().contains("DTSTART:20260331T080000Z"), "{dates}");
    let ledger = || std::fs::read_to_string(desk.folder.path().join("acquaint-linkedin/ledger.json")).unwrap();
    assert_eq!(ledger().matches("withdrawn_at").count(), 1);
    browser.named("I did not").click();
    browser.sees("counts as not withdrawn again");
    browser.sees("Nobody is on the wait list");
    assert_eq!(ledger().matches("withdrawn_at").count(), 0);
    browser.go(&format!("/linkedin/sent?status=pending_or_unknown&name={}", name.replace(' ', "+")));
    browser.sees(&name);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn an_export_is_imported_in_the_browser() {
    let desk = Desk::open(Desk::export());
    let file = |name: &str| desk.folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(file("Einladungen.csv"), "Von,An,Gesendet am\n").unwrap();
    std::fs::write(file("archive.zip"), "PK, it says, and is none").unwrap();
    std::fs::create_dir(file("localised")).unwrap();
    std::fs::write(file("localised/Invitations.csv"), "Von,An,Gesendet am,Richtung\n").unwrap();
    let browser = desk.browser(PHONE);
    let import = |files: &[&str]| {
        let files: Vec<String> = files.iter().map(|name| file(name)).collect();
        browser.find("input[type='file']").type_in(&files.join("\n"));
        browser.named("Import").follow();
    };
    browser.go("/");
    assert_eq!(browser.path(), "/linkedin/import", "nothing is there to be shown yet");
    look(&browser, "own-import");
    for (wrong, why) in [
        (&["Einladungen.csv"][..], "there is no Invitations.csv and no Connections.csv in it"),
        (&["archive.zip"], "it is not a zip archive that can be read"),
        (&["localised/Invitations.csv"], "set LinkedIn's language to English"),
        (&["Connections.csv"], "it has no Invitations.csv, and there is no earlier import"),
        (&["Invitations.csv", "Connections.csv", "Einladungen.csv"], "choose the archive alone"),
    ] {
        import(wrong);
        let told = browser.find("[role='alert']").text();
        assert!(told.contains(why) && told.contains("nothing was changed"), "{wrong:?}: {told}");
    }
    assert!(!desk.folder.path().join("acquaint-linkedin/ledger.json").exists());
    import(&["Invitations.csv", "Connections.csv"]);
    let figures = browser.find(".imported table").text();
    for line in
        ["rows read 91", "invitations sent 60", "accepted 30 0 since", "pending or unknown 30", "connections 31"]
    {
        assert!(figures.contains(line), "{line}: {figures}");
    }
    look(&browser, "own-imported");
    // The same once more changes nothing; a newer one brings what is known up to date.
    let ledger = || std::fs::read_to_string(desk.folder.path().join("acquaint-linkedin/ledger.json")).unwrap();
    let before = ledger();
    import(&["Invitations.csv", "Connections.csv"]);
    assert_eq!(ledger(), before);
    std::fs::write(
        file("Connections (1).csv"),
        "First Name,Last Name,URL,Connected On\nMade,Up 1,https://www.linkedin.com/in/made-up-1,02 Mar 2026\n",
    )
    .unwrap();
    import(&["Connections (1).csv"]);
    assert!(browser.find(".imported table").text().contains("accepted 31 1 since the last import"));
    browser.named("See what you sent").follow();
    browser.named("Import a newer one").follow();
    assert_eq!(browser.path(), "/linkedin/import");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn no_other_page_has_an_export_imported() {
    let desk = Desk::open(Desk::export());
    let browser = desk.browser(DESKTOP);
    browser.go("/linkedin/import");
    let post = "const form = new FormData();
        for (const [name, text] of arguments[0]) form.append(name, name == 'export' ? new File([text], 'Invitations.csv') : text);
        return fetch('/linkedin/import', { method: 'POST', body: form }).then(answer => answer.status)";
    let rows = std::fs::read_to_string(desk.folder.path().join("Invitations.csv")).unwrap();
    let token = browser.find("input[name='token']").property("value");
    let wrong = token.chars().rev().collect::<String>();
    for (fields, status) in [
        (json!([["export", rows]]), 403),
        (json!([["token", ""], ["export", rows]]), 403),
        (json!([["token", wrong], ["export", rows]]), 403),
        // The token comes first, so that nothing is taken before it.
        (json!([["export", rows], ["token", token]]), 403),
        (json!([["token", token], ["other", "x"]]), 422),
    ] {
        assert_eq!(browser.js(post, std::slice::from_ref(&fields)), status, "{fields}");
        assert!(!desk.folder.path().join("acquaint-linkedin/ledger.json").exists());
    }
    assert_eq!(browser.js(post, &[json!([["token", token], ["export", rows]])]), 200);
    let broken = "return fetch('/linkedin/import', { method: 'POST', headers: { 'content-type': arguments[0] }, body: '--edge' })
        .then(answer => answer.status)";
    assert_eq!(browser.js(broken, &["multipart/form-data; boundary=edge".into()]), 400);
    assert_eq!(browser.js(broken, &["multipart/form-data".into()]), 400);
    assert_eq!(browser.js(broken, &["text/plain".into()]), 400);
}

#[test]
fn every_page_of_ones_own_can_be_read() {
    let desk = Desk::new();
    for screen in [DESKTOP, PHONE, Screen { dark: true, ..PHONE }] {
        let browser = desk.browser(screen);
        for (name, path) in [
            ("own-sent", "/linkedin/sent?weeks=2"),
            ("own-cleanup", "/linkedin/cleanup"),
            ("own-waiting", "/linkedin/waiting"),
            ("own-insights", "/linkedin/insights"),
        ] {
            browser.go(path);
            look(&browser, name);
            // Nothing is asked of anybody else.
            let from =
                browser.js("return performance.getEntriesByType('resource').map(e => new URL(e.name).host)", &[]);
            let from = from.as_array().unwrap().iter().all(|host| host == desk.server.address.as_str());
            assert!(from, "{name}");
        }
        browser.go("/linkedin/cleanup");
        browser.named("Withdraw").click();
        look(&browser, "own-steps");
        browser.go("/linkedin/insights");
        assert!(browser.count(".plot svg") >= 5);
    }
}
