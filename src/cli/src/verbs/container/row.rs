//! A container as a line of a table.

use crate::out::age;
use jiff::Timestamp;
use rdd_resources::Container;
use rdd_resources::container::{ContainerStatus, Port};

/// Headings.
pub(crate) const HEADINGS: [&str; 6] = ["ID", "NAME", "IMAGE", "STATUS", "PORTS", "AGE"];
/// Headings with `-o wide`.
pub(crate) const WIDE: [&str; 3] = ["PID", "RESTARTS", "HEALTH"];
/// Least widths, so that most lines which come later fit.
pub(crate) const WIDTHS: [usize; 9] = [12, 16, 20, 10, 5, 4, 6, 8, 9];

/// The cells of a container; `status` overrules its own.
pub(crate) fn cells(container: &Container, status: Option<&str>, wide: bool, now: Timestamp) -> Vec<String> {
    let empty = ContainerStatus::default();
    let of = container.status.as_ref().unwrap_or(&empty);
    let id = container.metadata.name.as_deref().unwrap_or_default();
    let shown_id = if wide { id } else { id.get(..12).unwrap_or(id) };
    let shown_status = status.unwrap_or(if container.status.is_some() { of.status.as_str() } else { "" });
    let created = of.created_at.or_else(|| container.metadata.creation_timestamp.as_ref().map(|t| t.0));
    let mut cells = vec![
        shown_id.to_owned(),
        of.name.clone(),
        of.image_ref.clone().unwrap_or_default(),
        shown_status.to_owned(),
        ports(&of.ports),
        created.map_or_else(String::new, |created| age(created, now)),
    ];
    if wide {
        cells.push(of.pid.map_or_else(String::new, |pid| pid.to_string()));
        cells.push(of.restart_count.unwrap_or(0).to_string());
        cells.push(of.health.map_or_else(String::new, |health| format!("{health:?}").to_lowercase()));
    }
    cells
}

/// `8080->80/tcp, 443/tcp`.
fn ports(ports: &[Port]) -> String {
    let shown = ports.iter().map(|port| match port.bindings.first() {
        Some(binding) => format!("{}->{}", binding.host_port, port.name),
        None => port.name.clone(),
    });
    shown.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn container() -> Container {
        serde_json::from_value(json!({
            "apiVersion": "containers.rancherdesktop.io/v1alpha1", "kind": "Container",
            "metadata": {"name": "0123456789abcdef"},
            "status": {"name": "web", "namespace": "moby", "imageRef": "busybox", "status": "running", "pid": 7,
                "createdAt": "2026-01-01T00:00:00Z",
                "ports": [{"name": "443/tcp"}, {"name": "80/tcp", "bindings": [{"hostIP": "0.0.0.0", "hostPort": "8080"}]}]}
        }))
        .unwrap()
    }

    #[test]
    fn a_line_shows_what_one_looks_for() {
        let now = "2026-01-01T00:00:05Z".parse().unwrap();
        let short = cells(&container(), None, false, now);
        assert_eq!(short, ["0123456789ab", "web", "busybox", "running", "443/tcp, 8080->80/tcp", "5s"]);
        let wide = cells(&container(), Some("removed"), true, now);
        assert_eq!(
            (wide[0].as_str(), wide[3].as_str(), &wide[6..]),
            ("0123456789abcdef", "removed", &["7", "0", ""].map(String::from)[..])
        );
    }

    #[test]
    fn a_mirror_without_status_is_a_line_as_well() {
        let bare = Container { status: None, ..container() };
        assert_eq!(cells(&bare, None, false, Timestamp::UNIX_EPOCH)[3], "");
    }
}
