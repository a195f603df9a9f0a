//! The sections of Settings: their words in the address, their titles, and where they stand.

/// A section.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Section {
    /// How this page reaches its server.
    Connection,
    /// Who is let in.
    Authentication,
    /// Tokens of bridges and others.
    Tokens,
    /// What was checked.
    Diagnostics,
    /// What runs in the server.
    Actors,
    /// What is kept, and how long.
    Retention,
    /// How the page looks and listens.
    Appearance,
    /// Versions and licence.
    About,
}

impl Section {
    /// In the order of the list.
    pub const ALL: [Self; 8] = [
        Self::Connection,
        Self::Authentication,
        Self::Tokens,
        Self::Diagnostics,
        Self::Actors,
        Self::Retention,
        Self::Appearance,
        Self::About,
    ];

    /// The word in the address; also the section's id in the document.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Authentication => "authentication",
            Self::Tokens => "tokens",
            Self::Diagnostics => "diagnostics",
            Self::Actors => "actors",
            Self::Retention => "retention",
            Self::Appearance => "appearance",
            Self::About => "about",
        }
    }

    /// Its title.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Connection => "Connection",
            Self::Authentication => "Authentication",
            Self::Tokens => "Bridge tokens",
            Self::Diagnostics => "Diagnostics",
            Self::Actors => "Actors",
            Self::Retention => "Retention",
            Self::Appearance => "Appearance",
            Self::About => "About",
        }
    }

    /// The section of a word.
    pub fn of(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|section| section.path() == path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_were_written() {
        for section in Section::ALL {
            assert_eq!(Section::of(section.path()), Some(section));
        }
        assert_eq!(Section::of(""), None);
    }
}
