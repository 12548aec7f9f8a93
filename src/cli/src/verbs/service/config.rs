//! `rdd svc config`.

use crate::context::Context;
use crate::failure::{Exit, Failure, Outcome};
use crate::{out, service};

/// Runs it.
pub(crate) async fn run(context: &Context) -> Outcome {
    service::up(context).await?;
    let path = context.paths()?.config;
    let text = std::fs::read_to_string(&path)
        .map_err(|e| Failure::error(format!("{} can not be read: {e}", path.display())))?;
    out::text(&text)?;
    Ok(Exit::Done)
}
