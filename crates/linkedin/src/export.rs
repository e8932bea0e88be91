//! The rows of an export: invitations both ways, connections, and whatever could not be read.

use std::collections::HashMap;
use std::io::Read;

use acquaint_core::time::{Span, Time};

use crate::moment;
use crate::person::{address, folded, shown};
use crate::source::{Source, SourceError};
use crate::table::{Column, Record, Table, TableError};

/// Rows that could not be read are told one by one up to this many, and counted after.
pub const MAX_TROUBLES: usize = 1_000;
/// Dates after the export was made: a clock that is wrong, or a zone ahead of UTC.
const ONE_DAY: Span = Span::days(1);

/// The files that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Who is connected.
    Connections,
    /// Who was invited, both ways.
    Invitations,
}

impl Part {
    /// Both, in the order in which they are read.
    pub const ALL: [Part; 2] = [Part::Connections, Part::Invitations];

    /// The file's name as LinkedIn writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Part::Connections => "Connections.csv",
            Part::Invitations => "Invitations.csv",
        }
    }
}

/// Why an export is not read at all.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Its files were not found.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// One of them is of no use.
    #[error("{}: {error}", .part.name())]
    Table {
        /// Which.
        part: Part,
        /// Why.
        error: TableError,
    },
}

/// A row that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// In which file.
    pub part: Part,
    /// On which line, counted from 1.
    pub line: u64,
    /// Why.
    pub reason: String,
}

/// An invitation that the owner sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The recipient's name.
    pub name: String,
    /// The comparable address of their profile, where the export has it.
    pub address: Option<String>,
    /// When; exact to the minute.
    pub sent_at: Time,
    /// Whether a note went with it.
    pub with_note: bool,
}

/// The people the owner is connected with.
#[derive(Debug, Default)]
pub struct Connections {
    /// The day of connecting, by address.
    by_address: HashMap<String, Time>,
    /// By name, of those whose row has no address.
    without_address: HashMap<String, Named>,
    /// By name, of all.
    by_name: HashMap<String, Named>,
}

/// Those of one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Named {
    /// How many.
    pub(crate) count: usize,
    /// The day on which the last of them connected.
    pub(crate) on: Time,
}

impl Connections {
    /// The day of connecting with the one whose profile that is.
    pub(crate) fn with_address(&self, address: &str) -> Option<Time> {
        self.by_address.get(address).copied()
    }

    /// Those of that name; with `address` those alone whose own is not known.
    pub(crate) fn named(&self, name: &str, address: Option<&str>) -> Option<Named> {
        let names = if address.is_some() { &self.without_address } else { &self.by_name };
        if names.is_empty() { None } else { names.get(&folded(name)).copied() }
    }

    fn add(&mut self, name: &str, address: Option<String>, on: Time) {
        let count = |names: &mut HashMap<String, Named>| {
            let named = names.entry(folded(name)).or_insert(Named { count: 0, on });
            named.count += 1;
            named.on = named.on.max(on);
        };
        count(&mut self.by_name);
        match address {
            Some(address) => {
                let last = self.by_address.entry(address).or_insert(on);
                *last = on.max(*last);
            }
            None => count(&mut self.without_address),
        }
    }
}

/// What an export says.
#[derive(Debug, Default)]
pub struct Export {
    /// The address of its owner's profile: that of nearly all who sent an outgoing and got an incoming one.
    pub owner: Option<String>,
    /// The latest date in it; what it does not tell of is not known after this.
    pub as_of: Option<Time>,
    /// Invitations that the owner sent, in the order of the file; `None` if the file was not there.
    pub outgoing: Option<Vec<Outgoing>>,
    /// How many the owner got.
    pub incoming: u64,
    /// Connections; `None` if the file was not there.
    pub connections: Option<Connections>,
    /// Connections with a name.
    pub connected: u64,
    /// Connections that hide who they are: a date alone.
    pub hidden: u64,
    /// How many rows there were, both files together.
    pub rows: u64,
    /// Rows that could not be read, the first [`MAX_TROUBLES`].
    pub troubles: Vec<Trouble>,
    /// How many could not be read.
    pub trouble_count: u64,
    /// What a person should know about the files.
    pub remarks: Vec<String>,
}

const FROM: usize = 0;
const TO: usize = 1;
const SENT_AT: usize = 2;
const DIRECTION: usize = 3;
const MESSAGE: usize = 4;
const INVITER: usize = 5;
const INVITEE: usize = 6;
const INVITATIONS: [Column; 7] = [
    Column { name: "From", required: true },
    Column { name: "To", required: true },
    Column { name: "Sent At", required: true },
    Column { name: "Direction", required: true },
    Column { name: "Message", required: false },
    Column { name: "inviterProfileUrl", required: false },
    Column { name: "inviteeProfileUrl", required: false },
];

const FIRST_NAME: usize = 0;
const LAST_NAME: usize = 1;
const CONNECTED_ON: usize = 2;
const URL: usize = 3;
const CONNECTIONS: [Column; 4] = [
    Column { name: "First Name", required: true },
    Column { name: "Last Name", required: true },
    Column { name: "Connected On", required: true },
    Column { name: "URL", required: false },
];

impl Export {
    /// Reads all that is there. `progress` is called with the number of rows after every thousand. Dates more
    /// than a day after `now` are none.
    ///
    /// # Errors
    /// [`ExportError`]; a row that cannot be read is no error, but a [`Trouble`].
    pub fn read(source: &mut Source, now: Time, progress: impl FnMut(u64)) -> Result<Self, ExportError> {
        let mut reading = Reading { export: Self::default(), now, progress, owners: HashMap::new() };
        for part in Part::ALL {
            if let Some(file) = source.open(part)? {
                reading.part(part, file)?;
            }
        }
        Ok(reading.finish())
    }

    /// Reads one part alone, from bytes.
    ///
    /// # Errors
    /// [`ExportError::Table`].
    pub fn read_part(part: Part, file: impl Read, now: Time) -> Result<Self, ExportError> {
        let mut reading = Reading { export: Self::default(), now, progress: |_| (), owners: HashMap::new() };
        reading.part(part, file)?;
        Ok(reading.finish())
    }
}

struct Reading<P> {
    export: Export,
    now: Time,
    progress: P,
    /// How often an address stood where the owner's does.
    owners: HashMap<String, u64>,
}

impl<P: FnMut(u64)> Reading<P> {
    fn part(&mut self, part: Part, file: impl Read) -> Result<(), ExportError> {
        let failed = |error| ExportError::Table { part, error };
        let columns: &[Column] = match part {
            Part::Connections => &CONNECTIONS,
            Part::Invitations => &INVITATIONS,
        };
        let mut table = Table::open(file, columns).map_err(failed)?;
        match part {
            Part::Connections => self.export.connections = Some(Connections::default()),
            Part::Invitations => self.export.outgoing = Some(Vec::new()),
        }
        let has_addresses = table.has(if part == Part::Connections { URL } else { INVITEE });
        let read = table.each(|record| {
            self.export.rows += 1;
            if self.export.rows.is_multiple_of(1_000) {
                (self.progress)(self.export.rows);
            }
            let (line, reason) = match record {
                Err((line, bad)) => (line, bad.to_string()),
                Ok(record) if record.is_blank() => return,
                Ok(record) => match self.record(part, &record) {
                    Ok(()) => return,
                    Err(reason) => (record.line, reason),
                },
            };
            self.export.trouble_count += 1;
            if self.export.troubles.len() < MAX_TROUBLES {
                self.export.troubles.push(Trouble { part, line, reason });
            }
        });
        read.map_err(|error| failed(error.into()))?;
        self.remark(part, table.was_converted(), has_addresses);
        Ok(())
    }

    fn remark(&mut self, part: Part, was_converted: bool, has_addresses: bool) {
        let name = part.name();
        if was_converted {
            self.export
                .remarks
                .push(format!("{name} is not UTF-8: it was read as Windows-1252, so other letters may be wrong"));
        }
        if !has_addresses {
            self.export
                .remarks
                .push(format!("{name} has no addresses of profiles: people are matched by name, which is a guess"));
        }
    }

    fn record(&mut self, part: Part, record: &Record<'_>) -> Result<(), String> {
        match part {
            Part::Connections => self.connection(record),
            Part::Invitations => self.invitation(record),
        }
    }

    fn connection(&mut self, record: &Record<'_>) -> Result<(), String> {
        let on = self.date("Connected On", record.field(CONNECTED_ON))?;
        let name = shown(&format!("{} {}", record.field(FIRST_NAME), record.field(LAST_NAME)));
        let address = address(record.field(URL));
        if name.is_empty() && address.is_none() {
            self.export.hidden += 1;
        } else {
            self.export.connected += 1;
            self.export.connections.get_or_insert_default().add(&name, address, on);
        }
        Ok(())
    }

    fn invitation(&mut self, record: &Record<'_>) -> Result<(), String> {
        let sent_at = self.date("Sent At", record.field(SENT_AT))?;
        let (inviter, invitee) = (address(record.field(INVITER)), address(record.field(INVITEE)));
        let is_outgoing = match record.field(DIRECTION).to_ascii_uppercase().as_str() {
            "OUTGOING" => true,
            "INCOMING" => false,
            other => return Err(format!("Direction: expected OUTGOING or INCOMING, found {other:?}")),
        };
        if let Some(owner) = if is_outgoing { inviter } else { invitee.clone() } {
            *self.owners.entry(owner).or_default() += 1;
        }
        if !is_outgoing {
            self.export.incoming += 1;
            return Ok(());
        }
        let name = shown(record.field(TO));
        if name.is_empty() && invitee.is_none() {
            return Err(format!("it does not say whom {} invited", shown(record.field(FROM))));
        }
        let with_note = !record.field(MESSAGE).is_empty();
        self.export.outgoing.get_or_insert_default().push(Outgoing { name, address: invitee, sent_at, with_note });
        Ok(())
    }

    fn date(&mut self, column: &str, text: &str) -> Result<Time, String> {
        let time = moment::read(text).ok_or_else(|| format!("{column}: {text:?} is no date of an export"))?;
        if time > self.now + ONE_DAY {
            return Err(format!("{column}: {text:?} lies ahead"));
        }
        self.export.as_of = self.export.as_of.max(Some(time));
        Ok(time)
    }

    fn finish(mut self) -> Export {
        (self.progress)(self.export.rows);
        let owner = self.owners.into_iter().max_by(|a, b| (a.1, &b.0).cmp(&(b.1, &a.0)));
        self.export.owner = owner.map(|(address, _)| address);
        self.export
    }
}
