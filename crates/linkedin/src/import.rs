//! An export brought into what is kept, and what came of it.

use acquaint_core::time::Time;

use crate::export::{Export, ExportError, Trouble};
use crate::kept::{Kept, KeptError};
use crate::ledger::{Changes, ImportError, Ledger, Status};
use crate::source::Source;

/// Rows that could not be read are told one by one up to this many.
pub const TOLD: usize = 20;

/// Why nothing was imported; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum NotImported {
    /// It is no export that can be read.
    #[error("{0}; nothing was changed")]
    Unreadable(#[from] ExportError),
    /// It does not belong to what is known.
    #[error("{0}; nothing was changed")]
    NotTaken(#[from] ImportError),
    /// What is known cannot be had or kept.
    #[error(transparent)]
    Kept(#[from] KeptError),
}

/// What was read, and what is known since.
#[derive(Debug)]
pub struct Imported {
    /// In the order in which they are told.
    pub figures: Vec<Figure>,
    /// What a person should know about the files.
    pub remarks: Vec<String>,
    /// Rows that could not be read, the first [`TOLD`].
    pub troubles: Vec<Trouble>,
    /// How many more could not.
    pub untold: u64,
}

/// A number, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// What is counted.
    pub name: &'static str,
    /// Whether it is a part of the last one that is none.
    pub is_part: bool,
    /// How many.
    pub count: u64,
    /// How many of them, or since when; a number that the remark begins with.
    pub of_these: Option<u64>,
    /// What is to be said about it.
    pub remark: &'static str,
}

impl Kept {
    /// Reads an export and brings the ledger up to date with it. `progress` is called with the number of rows read
    /// after every thousand, and at the end.
    ///
    /// # Errors
    /// [`NotImported`].
    pub fn import(&self, source: &mut Source, now: Time, progress: impl FnMut(u64)) -> Result<Imported, NotImported> {
        let export = Export::read(source, now, progress)?;
        let read = Read::of(&export);
        let (troubles, remarks) =
            (export.troubles.iter().take(TOLD).cloned().collect::<Vec<_>>(), export.remarks.clone());
        let untold = export.trouble_count.saturating_sub(troubles.len() as u64);
        let (changes, ledger) = self.change(|ledger| ledger.import(export).map_err(NotImported::from))?;
        Ok(Imported { figures: read.figures(&ledger, changes), remarks, troubles, untold })
    }
}

/// The counts of an export.
struct Read {
    rows: u64,
    not_understood: u64,
    incoming: u64,
    connections: u64,
    hidden: u64,
}

impl Read {
    fn of(export: &Export) -> Self {
        Self {
            rows: export.rows,
            not_understood: export.trouble_count,
            incoming: export.incoming,
            connections: export.connected + export.hidden,
            hidden: export.hidden,
        }
    }

    fn figures(&self, ledger: &Ledger, changes: Changes) -> Vec<Figure> {
        let with = |status| ledger.people().iter().filter(|it| it.status() == status && !it.is_gone).count() as u64;
        let [accepted, withdrawn, pending] = Status::ALL.map(with);
        let guesses = ledger.people().iter().filter(|it| it.is_guess).count() as u64;
        let figure = |name, count, remark| Figure { name, is_part: false, count, of_these: None, remark };
        let part = |name, count, remark| Figure { is_part: true, ..figure(name, count, remark) };
        let counted = |figure, number| Figure { of_these: Some(number), ..figure };
        let repeated = "about people who were invited again later";
        vec![
            figure("rows read", self.rows, ""),
            part("not understood", self.not_understood, ""),
            counted(figure("invitations sent", accepted + withdrawn + pending, repeated), changes.repeated as u64),
            counted(part("accepted", accepted, "since the last import"), changes.newly_accepted as u64),
            part("pending or unknown", pending, "the export does not say more"),
            part("withdrawn", withdrawn, "as you said"),
            part("new", changes.new as u64, ""),
            figure("no longer in the export", changes.gone as u64, ""),
            figure("guesses", guesses, "matched by name alone"),
            figure("invitations received", self.incoming, ""),
            counted(figure("connections", self.connections, "of them hide who they are"), self.hidden),
        ]
    }
}
