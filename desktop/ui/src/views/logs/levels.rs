//! The levels of lines that are shown, as the route says them.

use patze_core::event::Severity;

/// The levels that can be chosen; `error` stands for `critical` too.
pub const LEVELS: [&str; 4] = ["debug", "info", "warn", "error"];

/// Which levels are shown: never none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Levels([bool; LEVELS.len()]);

impl Default for Levels {
    fn default() -> Self {
        Self([false, true, true, true])
    }
}

impl Levels {
    /// The levels of a word in the address.
    pub fn of(word: &str) -> Self {
        let on = LEVELS.map(|level| word.split(',').any(|one| one == level));
        if on.contains(&true) { Self(on) } else { Self::default() }
    }

    /// The word in the address; empty for what is shown unless told.
    pub fn word(self) -> String {
        if self == Self::default() { String::new() } else { self.names().join(",") }
    }

    /// Whether lines of a level are shown.
    pub fn has(self, level: Severity) -> bool {
        self.0[place(level)]
    }

    /// Whether all are.
    pub fn are_all(self) -> bool {
        self.0 == [true; LEVELS.len()]
    }

    /// The same with one of them the other way. With the last one off, it is as it is unless told.
    pub fn toggled(mut self, level: &str) -> Self {
        if let Some(i) = LEVELS.iter().position(|name| *name == level) {
            self.0[i] = !self.0[i];
        }
        if self.0.contains(&true) { self } else { Self::default() }
    }

    /// Those that are shown.
    pub fn names(self) -> Vec<&'static str> {
        LEVELS.iter().zip(self.0).filter(|(_, on)| *on).map(|(name, _)| *name).collect()
    }

    /// What `level=` takes; nothing if all are asked for.
    pub fn asked(self) -> String {
        if self.are_all() {
            return String::new();
        }
        let names = self.names().join(",");
        if self.0[3] { format!("{names},critical") } else { names }
    }
}

/// A level's place among [`LEVELS`].
pub const fn place(level: Severity) -> usize {
    match level {
        Severity::Debug => 0,
        Severity::Info => 1,
        Severity::Warn => 2,
        Severity::Error | Severity::Critical => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_read_as_they_were_written() {
        assert_eq!(Levels::of("").word(), "");
        assert_eq!(Levels::of("nonsense"), Levels::default());
        for word in ["debug", "debug,error", "debug,info,warn,error"] {
            assert_eq!(Levels::of(word).word(), word);
        }
        assert_eq!(Levels::default().toggled("debug").word(), "debug,info,warn,error");
        assert_eq!(Levels::of("warn").toggled("warn"), Levels::default(), "never none");
        assert!(Levels::default().has(Severity::Critical) && !Levels::default().has(Severity::Debug));
    }
}
