//! Changes of credentials together with their events: file, then state, then log, as the [module](super) explains.

use patze_core::event::Event;
use patze_core::event::control::Control;
use patze_core::ids::MachineId;
use patze_core::time::Timestamp;
use tokio::task::spawn_blocking;

use super::{Bound, ChangeError, Created, Credentials, Mode, NewToken, Secret, TokenId};
use crate::log::{AppendError, Batch, Lane, Log, Overloaded};
use crate::recorder::Recorder;

/// Events of one append when the log is reconciled.
const AT_ONCE: usize = 500;

/// Why a change did not happen, or is not in the log.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Nothing changed; a revocation counts all the same until the next start.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// The file is changed, the log took nothing. The same call again records it; so does the next start.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// The file is changed, the log stored nothing. The same call again records it; so does the next start.
    #[error(transparent)]
    NotStored(#[from] AppendError),
    /// The runtime is stopping.
    #[error("the server is stopping")]
    Stopping(#[from] tokio::task::JoinError),
}

impl Credentials {
    /// Makes a token and records it. If it cannot be recorded it is revoked at once: nobody has seen it.
    ///
    /// # Errors
    /// See [`RecordError`]; no token was made then.
    pub async fn create_recorded(
        &self,
        recorder: &Recorder,
        new: NewToken,
        now: Timestamp,
        trace_id: &str,
    ) -> Result<Created, RecordError> {
        let (store, trace) = (self.clone(), trace_id.to_owned());
        let created = spawn_blocking(move || store.create(new, now, &trace)).await??;
        if let Err(error) = append(recorder, created.event.clone()).await {
            let (store, id, trace) = (self.clone(), created.token.id, trace_id.to_owned());
            let _ = spawn_blocking(move || store.revoke(id, now, &trace)).await?;
            return Err(error);
        }
        Ok(created)
    }

    /// Gives an unbound bridge token to `machine` and records it; says whose it is. That the log cannot take the event
    /// does not matter to the request: the token is bound, and the next start records it.
    ///
    /// # Errors
    /// See [`RecordError`]; the token is not bound then.
    pub async fn bind_recorded(
        &self,
        recorder: &Recorder,
        id: TokenId,
        machine: MachineId,
        now: Timestamp,
        trace_id: &str,
    ) -> Result<MachineId, RecordError> {
        let (store, trace) = (self.clone(), trace_id.to_owned());
        let Bound { machine, event } =
            spawn_blocking(move || store.bind(id, &machine, now, &trace)).await??;
        if let Some(event) = event
            && let Err(error) = append(recorder, event).await
        {
            tracing::warn!(token = %id, %error, "the event of a bound token is not stored yet");
        }
        Ok(machine)
    }

    /// Revokes a token and records it.
    ///
    /// # Errors
    /// See [`RecordError`]; if there is such a token, it is revoked all the same.
    pub async fn revoke_recorded(
        &self,
        recorder: &Recorder,
        id: TokenId,
        now: Timestamp,
        trace_id: &str,
    ) -> Result<(), RecordError> {
        let (store, trace) = (self.clone(), trace_id.to_owned());
        let event = spawn_blocking(move || store.revoke(id, now, &trace)).await??;
        append(recorder, event).await
    }

    /// Sets the mode, `token` with this token or `none`, and records it. Each call is a change of its own with an id of its
    /// own: there is no row that an id could be derived from (design §5). So, unlike a token's, a change that a crash keeps
    /// out of the log is not recorded at the next start.
    ///
    /// # Errors
    /// See [`RecordError`].
    pub async fn set_auth_recorded(
        &self,
        recorder: &Recorder,
        token: Option<Secret>,
        trace_id: &str,
    ) -> Result<(), RecordError> {
        let store = self.clone();
        let mode = if token.is_some() { Mode::Token } else { Mode::None };
        spawn_blocking(move || store.set_auth(token)).await??;
        recorder.record(&Control::AuthChanged { mode: mode.name().to_owned() }, trace_id)?.await?;
        Ok(())
    }

    /// Gives the log the facts of all tokens that it may lack after a crash, and ends there the tokens that `auth.json`
    /// no longer has. To be called at each start, once the log is written to.
    ///
    /// # Errors
    /// If the log does not take them; the next start tries again.
    pub async fn reconcile(&self, log: &Log, now: Timestamp, trace_id: &str) -> Result<(), RecordError> {
        let fleet = log.fleet();
        let in_log = fleet.facts().server.tokens.iter().map(|token| token.id.as_str());
        let facts = self.facts(in_log, now, trace_id);
        for some in facts.chunks(AT_ONCE) {
            log.append(Lane::Control, Batch::control(some))?.await?;
        }
        Ok(())
    }
}

async fn append(recorder: &Recorder, event: Event) -> Result<(), RecordError> {
    recorder.append(event)?.await?;
    Ok(())
}
