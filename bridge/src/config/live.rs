//! The settings as they are now, for those who live long.

use std::fmt;
use std::sync::Arc;

use patze_core::causes::with_causes;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tracing::{info, warn};

use super::{Config, ConfigError};
use crate::failure::returned;

type Read = dyn Fn() -> Result<Config, ConfigError> + Send + Sync;

/// Settings that can be read anew while the bridge runs. Clones are the same settings.
#[derive(Clone)]
pub struct Settings(Arc<Shared>);

struct Shared {
    now: watch::Sender<Arc<Config>>,
    read: Box<Read>,
}

// === impl Settings ===

impl Settings {
    /// Begins with `config`; `read` is how it is read anew.
    pub fn new(
        config: Config,
        read: impl Fn() -> Result<Config, ConfigError> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Shared { now: watch::Sender::new(Arc::new(config)), read: Box::new(read) }))
    }

    /// The settings now.
    pub fn now(&self) -> Arc<Config> {
        self.0.now.borrow().clone()
    }

    /// Told of every change.
    pub fn changes(&self) -> watch::Receiver<Arc<Config>> {
        self.0.now.subscribe()
    }

    /// Reads them anew, on a blocking thread; whether they have changed. Bad ones are reported and change nothing; so are
    /// changes that need a restart.
    pub async fn reread(&self) -> bool {
        let shared = self.0.clone();
        let mut new = match returned(spawn_blocking(move || (shared.read)()).await) {
            Ok(new) => new,
            Err(error) => {
                warn!(
                    error = with_causes(&error),
                    "the settings were read again and cannot be used; the former ones stay"
                );
                return false;
            }
        };
        let former = self.now();
        if (&new.state_dir, &new.machine, &new.homes) != (&former.state_dir, &former.machine, &former.homes) {
            warn!("a new state folder, machine id or OpenClaw home takes a restart of the bridge");
            (new.state_dir, new.machine, new.homes) =
                (former.state_dir.clone(), former.machine.clone(), former.homes.clone());
        }
        let changed = self.0.now.send_if_modified(|now| {
            let differs = **now != new;
            if differs {
                *now = Arc::new(new);
            }
            differs
        });
        if changed {
            info!("the settings were read again and have changed");
        }
        changed
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Settings").field(&self.now()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Mutex;

    use super::*;
    use crate::config::{Token, Vars};

    fn config(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let environment = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::of(&Vars::read(environment, Path::new("/nonexistent")).unwrap())
    }

    #[tokio::test]
    async fn what_can_change_while_it_runs_does_and_the_rest_stays() {
        type Text = Vec<(&'static str, &'static str)>;
        let text =
            Arc::new(Mutex::new(Text::from([("BRIDGE_STATE_DIR", "/a"), ("CONTROL_PLANE_TOKEN", "one")])));
        let read = {
            let text = text.clone();
            move || config(&text.lock().unwrap())
        };
        let settings = Settings::new(read().unwrap(), read);
        let mut changes = settings.changes();
        assert!(!settings.reread().await);
        assert!(!changes.has_changed().unwrap());

        *text.lock().unwrap() = vec![("BRIDGE_STATE_DIR", "/b"), ("CONTROL_PLANE_TOKEN", "two")];
        assert!(settings.reread().await);
        assert!(changes.has_changed().unwrap());
        let now = changes.borrow_and_update().clone();
        assert_eq!(now.token.as_ref().map(Token::secret), Some("two"));
        assert_eq!(now.state_dir, Path::new("/a"));

        *text.lock().unwrap() = vec![("MACHINE_KIND", "toaster")];
        assert!(!settings.reread().await);
        assert!(!changes.has_changed().unwrap());
        assert_eq!(settings.now(), now);
    }
}
