//! PostgreSQL's programs, and the user that may run them.
//!
//! PostgreSQL refuses to run as root. Where the tests are run by root, as in a container, it runs as
//! the user `postgres` that Debian's package makes, or as `nobody`.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Error, Result};

/// The oldest version that we serve.
const OLDEST: u32 = 15;

/// Where the programs are, and as whom they run.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    folder: PathBuf,
    /// As `postgres --version` tells it, without spaces.
    version: String,
    user: Option<Account>,
}

/// User and group of an account.
#[derive(Debug, Clone, Copy)]
struct Account {
    user: u32,
    group: u32,
}

impl Programs {
    /// Looks in `PATH`, then where Debian, Fedora and Homebrew put them; the newest is taken.
    pub(crate) fn find() -> Result<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let versioned = ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt"]
            .into_iter()
            .flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten())
            .map(|entry| entry.path().join("bin"));
        let folders = std::env::split_paths(&path).chain(versioned).chain(["/usr/pgsql/bin".into()]);
        let found = folders.filter_map(|folder| Some((major_version(&folder)?, folder)));
        let found = found.filter(|((major, _), _)| *major >= OLDEST).max_by_key(|((major, _), _)| *major);
        let ((_, version), folder) = found.ok_or_else(|| {
            Error::new(format_args!(
                "no PostgreSQL of version {OLDEST} or newer was found: install its server programs \
                 (Debian: apt-get install postgresql; script/test does so by itself)"
            ))
        })?;
        let user = rustix::process::geteuid().is_root().then(account).transpose()?;
        Ok(Self { folder, version, user })
    }

    /// `15.18`, for names of files.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// One of the programs, to be run as the right user, with nothing of ours in its environment
    /// that could change what it does.
    pub(crate) fn command(&self, name: &str) -> Command {
        self.command_at(&self.path(name))
    }

    /// Where one of them is.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Another program, to be run in the same way.
    pub(crate) fn command_at(&self, path: &Path) -> Command {
        let mut command = Command::new(path);
        command.stdin(Stdio::null()).env("LC_ALL", "C").current_dir("/");
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PG")) {
            command.env_remove(name);
        }
        if let Some(Account { user, group }) = self.user {
            command.uid(user).gid(group);
        }
        command
    }

    /// Runs a program to its end; what it wrote to standard output.
    pub(crate) fn run(&self, name: &str, args: &[&str]) -> Result<String> {
        run(self.command(name).args(args))
    }

    /// Gives a file or folder to the user that the programs run as.
    pub(crate) fn give(&self, path: &Path) -> Result<()> {
        let Some(Account { user, group }) = self.user else { return Ok(()) };
        chown(path, Some(user), Some(group)).map_err(Error::while_doing(format_args!("give {} away", path.display())))
    }

    /// Copies a folder with all that is in it, for that user.
    pub(crate) fn copy(&self, from: &Path, to: &Path) -> Result<()> {
        run(Command::new("cp").arg("-R").arg(from).arg(to))?;
        if let Some(Account { user, group }) = self.user {
            run(Command::new("chown").arg("-R").arg(format!("{user}:{group}")).arg(to))?;
        }
        // cp made them after the umask; PostgreSQL wants its folder to itself.
        run(Command::new("chmod").arg("0700").arg(to)).map(drop)
    }
}

/// Runs a command to its end; what it wrote to standard output.
pub(crate) fn run(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(Error::while_doing(format_args!("run {name}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Error::new(format_args!("{name} failed ({}): {}", output.status, said.trim())));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What `postgres --version` in a folder says: `postgres (PostgreSQL) 15.18 (Debian …)`. The folder
/// must have the other programs as well: some packages have clients alone.
fn major_version(folder: &Path) -> Option<(u32, String)> {
    let all = ["postgres", "initdb", "pg_basebackup", "pg_ctl", "psql"];
    if !all.iter().all(|name| folder.join(name).is_file()) {
        return None;
    }
    let text = run(Command::new(folder.join("postgres")).arg("--version")).ok()?;
    let version = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let major: String = version.chars().take_while(char::is_ascii_digit).collect();
    Some((major.parse().ok()?, version.to_owned()))
}

fn account() -> Result<Account> {
    ["postgres", "nobody"]
        .into_iter()
        .find_map(|name| {
            let number = |flag| run(Command::new("id").args([flag, name])).ok()?.trim().parse().ok();
            Some(Account { user: number("-u")?, group: number("-g")? })
        })
        .ok_or_else(|| Error::new("PostgreSQL does not run as root, and there is no user postgres or nobody"))
}
