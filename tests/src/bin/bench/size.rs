//! How large the binary is.

use crate::daemon;
use crate::table::Table;

/// Bytes of the `rdd` binary; no peer.
pub(crate) fn measure(table: &mut Table) -> anyhow::Result<()> {
    let bytes = std::fs::metadata(daemon::binary()?)?.len();
    table.add("binary size", format!("{:.1} MiB", bytes as f64 / 1048576.0), "-".into(), "-", None);
    Ok(())
}
