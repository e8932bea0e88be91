//! CSV that a spreadsheet does not run.

/// Text that a spreadsheet does not take for a formula.
#[must_use]
pub fn unformulated(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

/// Rows as CSV (RFC 4180), the first one the header.
///
/// # Errors
/// None that memory gives.
pub fn written<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> Result<Vec<u8>, csv::Error> {
    let mut out = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    out.write_record(header)?;
    for row in rows {
        out.write_record(row)?;
    }
    out.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}
