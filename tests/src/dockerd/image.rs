//! The test image: a static busybox with its links, as a tar archive.

use super::program;
use anyhow::{Context, Result, ensure};
use bytes::Bytes;

const BLOCK: usize = 512;
const LINKS: [&str; 14] =
    ["sh", "sleep", "true", "false", "cat", "echo", "ls", "env", "touch", "date", "seq", "dd", "nc", "yes"];

/// The only layer.
pub(super) fn layer() -> Result<Bytes> {
    let program = program("busybox").context("no busybox on PATH: `apt-get install busybox-static`")?;
    let busybox = std::fs::read(&program)?;
    // A dynamic one would need libraries that the image does not have.
    ensure!(
        !busybox.windows(15).any(|w| w == b"/lib64/ld-linux"),
        "{} is not static: `apt-get install busybox-static`",
        program.display()
    );
    let mut archive = Vec::with_capacity(busybox.len() + 64 * BLOCK);
    for directory in ["bin/", "dev/", "etc/", "proc/", "sys/", "tmp/"] {
        entry(&mut archive, directory, b'5', "", &[]);
    }
    entry(&mut archive, "bin/busybox", b'0', "", &busybox);
    for link in LINKS {
        entry(&mut archive, &format!("bin/{link}"), b'2', "busybox", &[]);
    }
    archive.resize(archive.len() + 2 * BLOCK, 0);
    Ok(archive.into())
}

/// A ustar header and its content, padded to whole blocks. All names here are far below its 100 bytes.
fn entry(archive: &mut Vec<u8>, name: &str, kind: u8, target: &str, content: &[u8]) {
    let mut header = [0_u8; BLOCK];
    let mut put = |at: usize, text: &[u8]| header[at..at + text.len()].copy_from_slice(text);
    put(0, name.as_bytes());
    put(100, b"0000755\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{:011o}\0", content.len()).as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, &[kind]);
    put(157, target.as_bytes());
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|b| u32::from(*b)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    archive.extend_from_slice(&header);
    archive.extend_from_slice(content);
    archive.resize(archive.len().next_multiple_of(BLOCK), 0);
}
