//! The registry of event types (design §5).
//!
//! Known are the contract's 11 telemetry types, the types of our own bridges in the name spaces `source.`, `channel.`,
//! `cron.` and `gateway.`, and `control.` for the control plane's own facts. A type in a bridge's name space is accepted
//! even if it is not registered; it is stored and streamed, but not folded.

/// Who may send a type, and how it is framed on `/events`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Family {
    /// One of the contract's 11; framed as `event: telemetry`.
    Telemetry,
    /// From our bridges, in their name spaces; framed as `event: patze`, which original clients skip.
    Bridge,
    /// From the control plane itself; refused at ingest, framed as `event: patze`.
    Control,
}

impl Family {
    /// The family of a type name, or `None` for one that nobody may send.
    pub fn of(type_name: &str) -> Option<Self> {
        match EventType::of(type_name) {
            Some(known) => Some(known.family()),
            None if in_bridge_name_space(type_name) => Some(Self::Bridge),
            None => None,
        }
    }

    /// The SSE `event:` name of this family's frames (design §5).
    pub const fn frame_name(self) -> &'static str {
        match self {
            Self::Telemetry => "telemetry",
            Self::Bridge | Self::Control => "patze",
        }
    }
}

fn in_bridge_name_space(type_name: &str) -> bool {
    let Some((space, rest)) = type_name.split_once('.') else { return false };
    matches!(space, "source" | "channel" | "cron" | "gateway")
        && !rest.is_empty()
        && type_name.len() <= 128
        && rest.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

macro_rules! event_types {
    ($($family:ident { $($(#[$doc:meta])* $name:ident = $text:literal,)* })*) => {
        /// A registered event type.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum EventType {$($(
            $(#[$doc])*
            #[doc = concat!("`", $text, "`")]
            $name,
        )*)*}

        impl EventType {
            /// Every registered type.
            pub const ALL: &'static [Self] = &[$($(Self::$name,)*)*];

            /// The registered type of this name.
            pub fn of(type_name: &str) -> Option<Self> {
                match type_name {
                    $($($text => Some(Self::$name),)*)*
                    _ => None,
                }
            }

            /// The type's name on the wire and in the log.
            pub const fn name(self) -> &'static str {
                match self {$($(Self::$name => $text,)*)*}
            }

            /// The family that the type belongs to.
            pub const fn family(self) -> Family {
                match self {$($(Self::$name => Family::$family,)*)*}
            }
        }
    };
}

event_types! {
    Telemetry {
        /// A bridge has started.
        MachineRegistered = "machine.registered",
        /// A machine's status and gauges.
        MachineHeartbeat = "machine.heartbeat",
        /// An agent's state.
        AgentState = "agent.state.changed",
        /// A session's state.
        SessionState = "session.state.changed",
        /// A run's state.
        RunState = "run.state.changed",
        /// A log line of a run.
        RunLog = "run.log.emitted",
        /// A tool call has begun.
        ToolStarted = "run.tool.started",
        /// A tool call has ended.
        ToolCompleted = "run.tool.completed",
        /// Tokens and cost of one model call; increments.
        ModelUsage = "run.model.usage",
        /// What a run takes of its machine.
        ResourceUsage = "run.resource.usage",
        /// A span of a trace.
        Span = "trace.span.recorded",
    }
    Bridge {
        /// A message came in or went out through a channel; no text.
        ChannelMessage = "channel.message",
        /// A line of the gateway that belongs to no run.
        GatewayLog = "gateway.log",
    }
    Control {
        /// Sixty seconds passed without events: log time moves on.
        Tick = "control.tick",
        /// The control plane has started.
        ServerStarted = "control.server.started",
        /// A supervised actor failed and was started again.
        ActorRestarted = "control.actor.restarted",
        /// A session with an active run has been silent for 30 minutes.
        SessionStalled = "control.session.stalled",
        /// A machine got a name from the user.
        MachineRenamed = "control.machine.renamed",
        /// A machine was paused by the user.
        MachinePaused = "control.machine.paused",
        /// A paused machine was resumed.
        MachineResumed = "control.machine.resumed",
        /// A machine was forgotten by the user.
        MachineForgotten = "control.machine.forgotten",
        /// A token was made.
        TokenCreated = "control.token.created",
        /// A bridge token was used for the first time and now belongs to a machine.
        TokenBound = "control.token.bound",
        /// A token was revoked.
        TokenRevoked = "control.token.revoked",
        /// Tokens are needed from now on, or no longer.
        AuthChanged = "control.auth.changed",
        /// A machine's bridge reports another version than before.
        BridgeChanged = "control.bridge.changed",
        /// The disk under the log is nearly full.
        DiskLow = "control.disk.low",
        /// The disk under the log has room again.
        DiskOk = "control.disk.ok",
        /// A machine's clock is off.
        ClockSkewed = "control.clock.skewed",
        /// A machine's clock is right again.
        ClockOk = "control.clock.ok",
        /// Rows of the log were deleted or blanked, and which of them stay.
        Pruned = "control.pruned",
        /// Texts were taken out of the log on the user's word.
        Redacted = "control.redacted",
        /// The user set how long and how much is kept.
        RetentionChanged = "control.retention.changed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_types_agree() {
        for known in EventType::ALL {
            assert_eq!(EventType::of(known.name()), Some(*known));
            let control = known.name().starts_with("control.");
            assert_eq!(known.family() == Family::Control, control, "{known:?}");
        }
        let telemetry = EventType::ALL.iter().filter(|t| t.family() == Family::Telemetry).count();
        assert_eq!(telemetry, 11, "the contract has 11 types");
    }

    #[test]
    fn only_bridge_name_spaces_are_open() {
        for (name, family) in [
            ("cron.run.finished", Some(Family::Bridge)),
            ("channel.x-y_z", Some(Family::Bridge)),
            ("control.nobody.knows", None),
            ("cron.", None),
            ("cron", None),
            ("cron.a b", None),
            ("cron.a\nb", None),
            ("machine.exploded", None),
            ("", None),
        ] {
            assert_eq!(Family::of(name), family, "{name:?}");
        }
    }
}
