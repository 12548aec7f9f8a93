//! When a delete may reach the engine (R11, R12, R49): one pure function over everything read at that moment.

use rdd_engine::{Fingerprint, Key};

/// A mirror that is being deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doomed {
    /// Its API namespace.
    pub namespace: String,
    /// The engine that made it, from its annotation; `None`: hand-made, or caught before its first write.
    pub mark: Option<String>,
    /// What it stands for; `None`: nothing to forward (an image or volume without status, a name that is no id).
    pub target: Option<Target>,
}

/// An engine object to remove, and what it must still be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Which.
    pub key: Key,
    /// What it must still be; the engine compares once more.
    pub only: Fingerprint,
}

/// Everything the verdict depends on, read fresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Now {
    /// The App.
    pub app: App,
    /// The mirror's API namespace is there and not being deleted.
    pub namespace_active: bool,
    /// The definition of the mirror's kind is there and not being deleted.
    pub crd_active: bool,
    /// The current attachment.
    pub attachment: Engine,
}

/// What the App wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum App {
    /// There is none.
    Absent,
    /// It is being deleted.
    Deleting,
    /// It wants the engine stopped, or one that is not mirrored.
    NotMirroring,
    /// It wants mirrors in this namespace.
    Mirroring {
        /// The API namespace of its mirrors.
        namespace: String,
    },
}

/// What there is of an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Engine {
    /// None: away, connecting, or the machine's phase is unknown.
    Away,
    /// Attached, but it does not answer.
    Unreachable,
    /// Attached; with its mark.
    Here(String),
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Remove the engine object, then release the finalizer.
    Forward(Target),
    /// Release the finalizer without any engine call; the text says why.
    Release(&'static str),
    /// Look again later; the text says why.
    Wait(&'static str),
}

/// Judges one mirror. Everything that is not plainly a delete aimed at the mirror of a running engine's object releases it.
pub fn verdict(mirror: &Doomed, now: &Now) -> Verdict {
    let wanted_in = match &now.app {
        App::Absent => return Verdict::Release("there is no App"),
        App::Deleting => return Verdict::Release("the App is being deleted"),
        App::NotMirroring => return Verdict::Release("the App does not want the engine's objects mirrored"),
        App::Mirroring { namespace } => namespace,
    };
    if !now.namespace_active {
        return Verdict::Release("the namespace is being deleted");
    }
    if !now.crd_active {
        return Verdict::Release("the kind's definition is being deleted");
    }
    if *wanted_in != mirror.namespace {
        return Verdict::Release("the namespace is not the engine's");
    }
    let Some(target) = &mirror.target else {
        return Verdict::Release("it stands for nothing in the engine");
    };
    // A volume's or a tag's name can mean anything; a container's id can not.
    if mirror.mark.is_none() && !matches!(target.key, Key::Container(_)) {
        return Verdict::Release("no engine made it");
    }
    let here = match &now.attachment {
        Engine::Away => return Verdict::Wait("the engine is not connected"),
        Engine::Unreachable => return Verdict::Wait("the engine does not answer"),
        Engine::Here(mark) => mark,
    };
    if mirror.mark.as_ref().is_some_and(|mark| mark != here) {
        return Verdict::Release("another engine made it");
    }
    Verdict::Forward(target.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdd_engine::ContainerId;

    fn target() -> Target {
        let id = ContainerId::parse(&"a".repeat(64)).unwrap();
        Target { key: Key::Container(id), only: Fingerprint::Container }
    }
    fn volume() -> Target {
        Target { key: Key::Volume("data".into()), only: Fingerprint::Volume { created_at: None } }
    }
    fn mirror() -> Doomed {
        Doomed { namespace: "ns".into(), mark: Some("engine".into()), target: Some(target()) }
    }
    fn now() -> Now {
        Now {
            app: App::Mirroring { namespace: "ns".into() },
            namespace_active: true,
            crd_active: true,
            attachment: Engine::Here("engine".into()),
        }
    }

    #[test]
    fn r49_only_a_delete_aimed_at_a_mirror_of_this_engine_is_forwarded() {
        #[derive(Debug, PartialEq)]
        enum Want {
            Forward,
            Release,
            Wait,
        }
        use Want::*;
        let change = |edit: &dyn Fn(&mut Doomed, &mut Now)| {
            let (mut mirror, mut now) = (mirror(), now());
            edit(&mut mirror, &mut now);
            (mirror, now)
        };
        #[rustfmt::skip]
        let rows: Vec<(&str, (Doomed, Now), Want)> = vec![
            ("all is well", change(&|_, _| {}), Forward),
            ("hand-made container", change(&|m, _| m.mark = None), Forward),
            ("no App", change(&|_, n| n.app = App::Absent), Release),
            ("App being deleted", change(&|_, n| n.app = App::Deleting), Release),
            ("wanted stopped", change(&|_, n| n.app = App::NotMirroring), Release),
            ("namespace Terminating", change(&|_, n| n.namespace_active = false), Release),
            ("CRD being deleted", change(&|_, n| n.crd_active = false), Release),
            ("another namespace", change(&|m, _| m.namespace = "other".into()), Release),
            ("another engine's", change(&|m, _| m.mark = Some("other".into())), Release),
            ("stands for nothing", change(&|m, _| m.target = None), Release),
            ("marked volume", change(&|m, _| m.target = Some(volume())), Forward),
            ("hand-made volume", change(&|m, _| { m.target = Some(volume()); m.mark = None }), Release),
            ("engine away", change(&|_, n| n.attachment = Engine::Away), Wait),
            ("engine frozen", change(&|_, n| n.attachment = Engine::Unreachable), Wait),
            // what is away can not keep a namespace, a definition or an App from going
            ("away, namespace Terminating", change(&|_, n| { n.attachment = Engine::Away; n.namespace_active = false }), Release),
            ("away, CRD being deleted", change(&|_, n| { n.attachment = Engine::Away; n.crd_active = false }), Release),
            ("away, App being deleted", change(&|_, n| { n.attachment = Engine::Away; n.app = App::Deleting }), Release),
            ("away, no App", change(&|_, n| { n.attachment = Engine::Away; n.app = App::Absent }), Release),
            ("away, wanted stopped", change(&|_, n| { n.attachment = Engine::Away; n.app = App::NotMirroring }), Release),
            ("away, stands for nothing", change(&|m, n| { n.attachment = Engine::Away; m.target = None }), Release),
        ];
        for (name, (mirror, now), want) in rows {
            let got = match verdict(&mirror, &now) {
                Verdict::Forward(to) => {
                    assert_eq!(Some(to), mirror.target, "{name}");
                    Forward
                }
                Verdict::Release(why) => {
                    assert!(!why.is_empty());
                    Release
                }
                Verdict::Wait(_) => Wait,
            };
            assert_eq!(got, want, "{name}");
        }
    }

    #[test]
    fn r49_nothing_is_forwarded_unless_every_condition_holds() {
        // All combinations: forwarded exactly when App, namespace, definition and engine are as they must be.
        let apps = [
            App::Absent,
            App::Deleting,
            App::NotMirroring,
            App::Mirroring { namespace: "other".into() },
            App::Mirroring { namespace: "ns".into() },
        ];
        let engines =
            [Engine::Away, Engine::Unreachable, Engine::Here("other".into()), Engine::Here("engine".into())];
        for app in &apps {
            for attachment in &engines {
                for bits in 0..4 {
                    let now = Now {
                        app: app.clone(),
                        namespace_active: bits & 1 != 0,
                        crd_active: bits & 2 != 0,
                        attachment: attachment.clone(),
                    };
                    let all = *app == apps[4] && *attachment == engines[3] && bits == 3;
                    assert_eq!(matches!(verdict(&mirror(), &now), Verdict::Forward(_)), all, "{now:?}");
                }
            }
        }
    }
}
