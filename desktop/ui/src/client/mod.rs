//! How the page talks to its server.
//!
//! | to find out | open |
//! |---|---|
//! | how a question is asked, and what goes wrong | [`ask`] |
//! | how the stream's bytes become frames | [`frames`] |
//! | how the state is kept up to date through drops and restarts | [`live`] |
//! | how tabs share a browser's few connections | `crowd` |
//! | where the token is kept | [`token`] |
//! | how a view asks history | [`history`], page by page [`pages`] |
//!
//! # The live connection
//! 1. `GET /state` gives a fleet at a position of a log.
//! 2. `GET /events?after=position&log=id` goes on from there, without a gap and without a double.
//! 3. After any drop the stream is opened again after the last position that was folded, with backoff and jitter;
//!    `event: reset` begins at 1 again.
//! 4. A tab that has been hidden for 30 s closes its stream, for a browser opens six connections a host, and resumes by
//!    position when it is shown.

pub mod ask;
mod crowd;
pub mod frames;
pub mod history;
pub mod live;
pub mod pages;
pub mod token;
mod wake;
