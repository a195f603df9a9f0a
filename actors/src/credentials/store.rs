//! The store: opens `auth.json`, judges requests by it, changes it.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use patze_core::event::Event;
use patze_core::event::control::Control;
use patze_core::ids::{self, MachineId};
use patze_core::time::Timestamp;
use patze_supervise::clock::Clock;
use tokio::sync::watch;

use super::caller::{Caller, Refusal, State};
use super::error::{ChangeError, OpenError};
use super::file::{AuthFile, Document, Mode, private_folder};
use super::secret::{Digest, Secret};
use super::token::{InvalidToken, NewToken, Scope, Stored, Token, TokenId};

/// Tokens that can be made, ended ones included (they are kept for ever); what the file and the state are bounded by.
pub(super) const MOST_TOKENS: usize = 10_000;

/// How long a stream may outlive its token's end.
const LOOK_AT_EXPIRY: Duration = Duration::from_secs(1);

/// The store of credentials. Clones share one store. Methods that change it block for two fsyncs: call them where
/// blocking is allowed.
#[derive(Clone, Debug)]
pub struct Credentials(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    file: AuthFile,
    environment: Environment,
    kept: Mutex<Kept>,
    state: ArcSwap<State>,
    changed: watch::Sender<()>,
}

/// What the state is made of; changed under a lock that requests never take.
#[derive(Debug)]
struct Kept {
    document: Document,
    cli: Option<Digest>,
}

/// What the environment says of authentication (contract §1.1). It counts as long as `auth.json` names no mode.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    mode: Option<Mode>,
    token: Option<Secret>,
}

/// A token that was just made.
#[derive(Debug)]
pub struct Created {
    /// What may be told of it.
    pub token: Token,
    /// Its text, which is nowhere else.
    pub secret: Secret,
    /// To append before the text is shown.
    pub event: Event,
}

/// The machine of a bridge token after [`Credentials::bind`].
#[derive(Debug)]
pub(super) struct Bound {
    /// The machine that it belongs to. Another request may have bound it before, to another machine.
    pub(super) machine: MachineId,
    /// To append, if this call bound it.
    pub(super) event: Option<Event>,
}

// === impl Environment ===

impl Environment {
    /// Takes `TELEMETRY_AUTH_MODE` and `TELEMETRY_AUTH_TOKEN` as they are set; the token is not trimmed.
    ///
    /// # Errors
    /// A mode other than `none`, `token` or the empty text.
    pub fn new(mode: Option<&str>, token: Option<String>) -> Result<Self, OpenError> {
        let mode = match mode {
            None | Some("") => None,
            Some("none") => Some(Mode::None),
            Some("token") => Some(Mode::Token),
            Some(_) => return Err(OpenError::UnknownMode),
        };
        Ok(Self { mode, token: token.map(Secret::new) })
    }
}

// === impl Credentials ===

impl Credentials {
    /// Opens the store in the settings folder, which is made (0700) if it is not there. Blocks.
    ///
    /// # Errors
    /// Anything but a readable, whole `auth.json` or none; and mode `token` without a token.
    pub fn open(settings: &Path, environment: Environment) -> Result<Self, OpenError> {
        private_folder(settings).map_err(|source| OpenError::Folder { path: settings.to_owned(), source })?;
        let file = AuthFile::in_folder(settings);
        let kept = Kept { document: file.read()?, cli: None };
        let state = state_of(&kept, &environment);
        if state.mode == Mode::Token && state.contract.is_none() {
            return Err(OpenError::NoToken { path: file.path() });
        }
        Ok(Self(Arc::new(Inner {
            file,
            environment,
            kept: Mutex::new(kept),
            state: ArcSwap::from_pointee(state),
            changed: watch::Sender::new(()),
        })))
    }

    /// Who a request with this `Authorization` header comes from. Takes no lock.
    ///
    /// # Errors
    /// Why it is not let in: in mode `token` without a live token, in every mode with a revoked or expired one.
    pub fn identify(&self, authorization: Option<&[u8]>, now: Timestamp) -> Result<Caller, Refusal> {
        self.0.state.load().identify(authorization, now)
    }

    /// Ready when the caller's credential no longer lets a request in: revoked, expired, replaced, or needed by now.
    /// For streams, which outlive the request that was judged (W-S24). At once, or for expiry within a second.
    pub fn cut(&self, caller: &Caller, clock: &Clock) -> impl Future<Output = ()> + use<> {
        let (store, caller, clock) = (self.clone(), caller.clone(), clock.clone());
        async move {
            // Before the first look, so that no change falls between look and wait.
            let mut changed = store.0.changed.subscribe();
            loop {
                let now = clock.now();
                let state = store.0.state.load_full();
                if !state.holds(&caller, now) {
                    return;
                }
                match state.end_of(&caller) {
                    // It fails only if the store is gone, and this future holds it.
                    None => drop(changed.changed().await),
                    Some(end) => {
                        let left = Duration::from_millis(end.since(now).unsigned_abs());
                        // Looked at each second, because the wall clock may jump over the end (a resumed laptop).
                        drop(clock.timeout(left.min(LOOK_AT_EXPIRY), changed.changed()).await);
                    }
                }
            }
        }
    }

    /// Who needs a token.
    pub fn mode(&self) -> Mode {
        self.0.state.load().mode
    }

    /// All tokens that were ever made here, oldest first. Takes no lock: a change holds it during two fsyncs.
    pub fn tokens(&self) -> Vec<Token> {
        let state = self.0.state.load();
        state.order.iter().filter_map(|id| state.tokens.get(id)).map(|stored| stored.token.clone()).collect()
    }

    /// Sets the mode: `token` with the contract's own token, or `none`, which forgets it (contract §9.6).
    ///
    /// # Errors
    /// If the file cannot be written; nothing has changed then.
    pub(super) fn set_auth(&self, token: Option<Secret>) -> Result<(), ChangeError> {
        let mut kept = self.kept();
        let mut document = kept.document.clone();
        document.mode = Some(if token.is_some() { Mode::Token } else { Mode::None });
        document.token = token;
        self.replace(&mut kept, document)
    }

    /// Makes a token. The caller appends its event before it shows the text; see `create_recorded`.
    ///
    /// # Errors
    /// If it cannot be made as asked, or not be written; nothing has changed then.
    pub fn create(&self, new: NewToken, now: Timestamp, trace_id: &str) -> Result<Created, ChangeError> {
        new.check(now)?;
        let mut kept = self.kept();
        if kept.document.tokens.len() >= MOST_TOKENS {
            return Err(ChangeError::TooMany);
        }
        let (stored, secret) = new.make(now).map_err(ChangeError::Random)?;
        let token = stored.token.clone();
        let mut document = kept.document.clone();
        document.tokens.push(stored);
        self.replace(&mut kept, document)?;
        let event = created(&token, trace_id);
        Ok(Created { token, secret, event })
    }

    /// Gives an unbound bridge token to `machine`, for ever. A bound one stays as it is.
    ///
    /// # Errors
    /// If there is no such bridge token, or the file cannot be written; nothing has changed then.
    pub(super) fn bind(
        &self,
        id: TokenId,
        machine: &MachineId,
        now: Timestamp,
        trace_id: &str,
    ) -> Result<Bound, ChangeError> {
        let mut kept = self.kept();
        let mut document = kept.document.clone();
        let token = token_mut(&mut document, id)?;
        if token.scope != Scope::Bridge {
            return Err(InvalidToken::Machine.into());
        }
        if let Some(machine) = &token.machine_id {
            return Ok(Bound { machine: machine.clone(), event: None });
        }
        token.machine_id = Some(machine.clone());
        token.bound_at = Some(now);
        let event = bound(token, trace_id);
        self.replace(&mut kept, document)?;
        Ok(Bound { machine: machine.clone(), event })
    }

    /// Revokes a token, for ever. Revoking it again changes nothing and gives the same event, which the caller appends; see
    /// `revoke_recorded`.
    ///
    /// # Errors
    /// If there is no such token; or if the file cannot be written: it is revoked all the same then, but only until
    /// the next start.
    pub fn revoke(&self, id: TokenId, now: Timestamp, trace_id: &str) -> Result<Event, ChangeError> {
        let mut kept = self.kept();
        let token = token_mut(&mut kept.document, id)?;
        let at = *token.revoked_at.get_or_insert(now);
        let event = revoked(token.id.as_str(), at, trace_id);
        self.publish(&kept);
        self.0.file.write(&kept.document)?;
        Ok(event)
    }

    /// The events of all tokens, and of the end of those `in_log` that are not here. Their ids depend on nothing but the
    /// token: appended again, they are duplicates.
    pub(super) fn facts<'a>(
        &self,
        in_log: impl Iterator<Item = &'a str>,
        now: Timestamp,
        trace_id: &str,
    ) -> Vec<Event> {
        let kept = self.kept();
        let mut facts = Vec::new();
        for Stored { token, .. } in &kept.document.tokens {
            facts.push(created(token, trace_id));
            facts.extend(bound(token, trace_id));
            facts.extend(token.revoked_at.map(|at| revoked(token.id.as_str(), at, trace_id)));
        }
        let state = self.0.state.load();
        let is_here = |id: &str| id.parse().is_ok_and(|id: TokenId| state.tokens.contains_key(&id));
        facts.extend(in_log.filter(|id| !is_here(id)).map(|id| revoked(id, now, trace_id)));
        facts
    }

    /// Lets the running server's own token in, with scope admin. It is not stored here.
    pub(super) fn admit_cli(&self, token: &Secret) {
        let mut kept = self.kept();
        kept.cli = Some(Digest::of(token.expose().as_bytes()));
        self.publish(&kept);
    }

    /// File, then state.
    fn replace(&self, kept: &mut Kept, document: Document) -> Result<(), ChangeError> {
        self.0.file.write(&document)?;
        kept.document = document;
        self.publish(kept);
        Ok(())
    }

    fn publish(&self, kept: &Kept) {
        self.0.state.store(Arc::new(state_of(kept, &self.0.environment)));
        self.0.changed.send_replace(());
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `auth.json` wins over the environment as a whole: mode and token come from the same place (contract §1.1).
fn state_of(kept: &Kept, environment: &Environment) -> State {
    let document = &kept.document;
    let (mode, token) = match document.mode {
        Some(mode) => (mode, &document.token),
        None => (environment.mode.unwrap_or(Mode::None), &environment.token),
    };
    let token = token.as_ref().filter(|token| mode == Mode::Token && !token.expose().is_empty());
    State {
        mode,
        contract: token.map(|token| Digest::of(token.expose().as_bytes())),
        cli: kept.cli,
        tokens: document.tokens.iter().map(|stored| (stored.token.id, stored.clone())).collect(),
        order: document.tokens.iter().map(|stored| stored.token.id).collect(),
    }
}

fn token_mut(document: &mut Document, id: TokenId) -> Result<&mut Token, ChangeError> {
    let found = document.tokens.iter_mut().find(|stored| stored.token.id == id);
    found.map(|stored| &mut stored.token).ok_or(ChangeError::NoSuch(id))
}

fn created(token: &Token, trace_id: &str) -> Event {
    let at = token.created_at;
    let control = Control::TokenCreated {
        id: token.id.to_string(),
        name: token.name.clone(),
        scope: token.scope.name().to_owned(),
        // What was known when it was made: a later binding is a fact of its own.
        machine_id: token.machine_id.clone().filter(|_| token.bound_at.is_none()),
        expires_at: token.expires_at,
    };
    fact(&control, token.id.as_str(), at, trace_id)
}

fn bound(token: &Token, trace_id: &str) -> Option<Event> {
    let (at, machine_id) = (token.bound_at?, token.machine_id.clone()?);
    let control = Control::TokenBound { id: token.id.to_string(), machine_id };
    Some(fact(&control, token.id.as_str(), at, trace_id))
}

fn revoked(id: &str, at: Timestamp, trace_id: &str) -> Event {
    fact(&Control::TokenRevoked { id: id.to_owned() }, id, at, trace_id)
}

fn fact(control: &Control, token: &str, at: Timestamp, trace_id: &str) -> Event {
    let id = ids::event_id(at, &control.machine(), "", token, control.event_type().name());
    control.to_event(id, at, trace_id)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// A change on a slow disk holds the lock for as long as two fsyncs take; an HTTP worker must not wait for that.
    #[test]
    fn tokens_are_listed_while_a_change_is_being_written() {
        let folder = tempfile::tempdir().unwrap();
        let store = Credentials::open(folder.path(), Environment::default()).unwrap();
        for name in ["one", "two", "three"] {
            let new =
                NewToken { name: name.to_owned(), scope: Scope::Read, machine_id: None, expires_at: None };
            store.create(new, Timestamp::EPOCH, "t").unwrap();
        }
        let changing = store.kept();
        let (tell, told) = mpsc::channel();
        let asking = store.clone();
        std::thread::spawn(move || tell.send(asking.tokens()));
        let tokens = told.recv_timeout(Duration::from_secs(10)).expect("the list waits for the change");
        assert_eq!(tokens.iter().map(|t| t.name.as_str()).collect::<Vec<_>>(), ["one", "two", "three"]);
        drop(changing);
    }
}
