//! Supervised actix actors: what the server and the bridge build their actors on.
//!
//! | module | job |
//! |---|---|
//! | [`clock`] | the one place that reads clocks and sleeps; virtual time for tests |
//! | [`timer`] | an actor's timers on that clock |
//! | [`backoff`] | how long to wait before trying again |
//! | [`supervisor`] | starts actors by key, restarts them, carries messages to them |
//! | [`observe`] | the state of every actor, as `GET /actors` shows it |
//!
//! # Constraints
//! 1. An actor that fails, panic included, is built again by its supervisor from a factory, with backoff, and the
//!    restart is reported (AC-1). Binaries keep `panic = "unwind"`.
//! 2. Every queue is bounded, and a full one is refused to the caller (AC-2). What an actor spawns into its own
//!    context is not a queue that others fill; keep it bounded by construction.
//! 3. Callers hold a key, never an `Addr`. They are told at once: taken, [`Full`](supervisor::Refused::Full) or
//!    [`Away`](supervisor::Refused::Away). So an actor hands out its key too: `ctx.address()` leads to actix's own
//!    mailbox, whose depth nobody sees and which dies with the instance.
//! 4. An actor is a reconciler: told late, twice or never, it ends in the same place, because it reads what is so
//!    (the fleet) in its factory and whenever it is woken. What a message says is a hint where to look.
//! 5. Time comes from the injected clock alone. Actix's `run_later`, `run_interval`, `notify_later` and
//!    `Request::timeout` are not on it.
//! 6. Only what runs in an actor's context is supervised: handlers, `ctx.spawn`, `ctx.wait`, `ResponseActFuture`. A
//!    panic in `actix::spawn` or a `ResponseFuture` ends that task, and its asker is told `Away`; nobody restarts
//!    it.
//! 7. A handler does not block: the arbiter's other actors wait for it.
//!
//! # The life of an actor
//!
//! ```text
//!   start(key)          factory returns           seat.done(ctx)
//!  ───────────▶ starting ───────────▶ running ───────────────────▶ stopping ───▶ gone
//!                  ▲                     │ seat.fail(ctx, reason),     ▲
//!                  │                     ▼ ctx.stop(), panic           │ stop(key), close(),
//!                  └───────────────── backoff ─────────────────────────┘ from anywhere
//!                     restart reported
//! ```
//!
//! From `stopping` it goes back to `starting`, without backoff, if it had mail unread or was started again.
//!
//! # How to write one
//!
//! ```
//! use std::time::Duration;
//! use actix::prelude::*;
//! use patze_core::time::Timestamp;
//! use patze_supervise::backoff::Backoff;
//! use patze_supervise::clock::Clock;
//! use patze_supervise::supervisor::{Plan, Seat, Supervisor, World};
//! use patze_supervise::timer::run_later;
//!
//! /// Watches one machine. Woken by `Changed` and its timer.
//! struct Machine {
//!     name: String,
//!     clock: Clock,
//!     seat: Seat,
//! }
//!
//! impl Actor for Machine {
//!     type Context = Context<Self>;
//!
//!     fn started(&mut self, ctx: &mut Self::Context) {
//!         self.look(ctx);
//!     }
//! }
//!
//! impl Machine {
//!     /// Its one code path: whatever woke it, it reads what is so.
//!     fn look(&mut self, ctx: &mut Context<Self>) {
//!         self.seat.publish(&serde_json::json!({ "name": self.name, "lookedAt": self.clock.now() }));
//!         run_later(ctx, &self.clock, Duration::from_secs(30), Self::look);
//!     }
//! }
//!
//! #[derive(Message)]
//! #[rtype(result = "()")]
//! enum Changed {
//!     Seen,
//!     Forgotten,
//! }
//!
//! impl Handler<Changed> for Machine {
//!     type Result = ();
//!
//!     fn handle(&mut self, changed: Changed, ctx: &mut Self::Context) {
//!         match changed {
//!             Changed::Seen => self.look(ctx),
//!             Changed::Forgotten => self.seat.done(ctx),
//!         }
//!     }
//! }
//!
//! # actix::System::new().block_on(async {
//! // In the program: `Clock::system()`. In a test time stands still until it is moved.
//! let (clock, time) = Clock::virtual_at(Timestamp::parse("2026-02-21").unwrap());
//! let world = World::new(clock.clone()).reporting(|restart| eprintln!("{restart:?}"));
//! let backoff = Backoff::try_new(Duration::from_secs(1), Duration::from_secs(60), 0.5)?;
//! let machines = Supervisor::here(&world, Plan::new("machine", backoff), move |name: &String, seat| Machine {
//!     name: name.clone(),
//!     clock: clock.clone(),
//!     seat,
//! });
//!
//! machines.start("desk".to_owned())?;
//! time.advance(Duration::from_secs(61)).await;
//! let shown = machines.state(&"desk".to_owned()).unwrap();
//! assert_eq!(shown.detail["lookedAt"], "2026-02-21T00:01:00.000Z");
//!
//! machines.tell(&"desk".to_owned(), Changed::Forgotten)?;
//! machines.close().await;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! # How tests use the virtual clock
//! - `time.advance(duration).await` moves time, stopping at each deadline so that what wakes runs at its own time.
//! - `time.advance(Duration::ZERO).await` lets everything that is ready run.
//! - `time.wait_for_sleepers(n).await` waits until `n` sleeps wait, for instance until an actor is in its backoff.
//! - `time.jump_wall(millis)` is a laptop that slept, or a clock that was set.
//! - End with `supervisor.close().await`: an actor that does not stop hangs the test instead of leaking.

pub mod backoff;
pub mod clock;
pub mod observe;
pub mod supervisor;
pub mod timer;
