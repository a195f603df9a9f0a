//! Hash routes: the view, what is selected in it, its filters, and the moment, so that a link shows what its sender saw.
//!
//! `#/runs/<machine>/<run>?state=failed&at=4771310`: parts of the path and values are percent-encoded.

use std::collections::BTreeMap;

use crate::say::typed::At;

/// A view.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum View {
    /// What matters now.
    Overview,
    /// Machines.
    Machines,
    /// Agents.
    Agents,
    /// Sessions.
    Sessions,
    /// Runs.
    Runs,
    /// Log lines.
    Logs,
    /// Scheduled tasks.
    Tasks,
    /// Channels.
    Channels,
    /// Tunnels.
    Connections,
    /// Settings.
    Settings,
    /// Every component in every state.
    #[cfg(feature = "gallery")]
    Gallery,
}

impl View {
    /// Those that have a place in the navigation, in its order.
    pub const ALL: [Self; 10] = [
        Self::Overview,
        Self::Machines,
        Self::Agents,
        Self::Sessions,
        Self::Runs,
        Self::Logs,
        Self::Tasks,
        Self::Channels,
        Self::Connections,
        Self::Settings,
    ];

    /// The word in the address.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Machines => "machines",
            Self::Agents => "agents",
            Self::Sessions => "sessions",
            Self::Runs => "runs",
            Self::Logs => "logs",
            Self::Tasks => "tasks",
            Self::Channels => "channels",
            Self::Connections => "connections",
            Self::Settings => "settings",
            #[cfg(feature = "gallery")]
            Self::Gallery => "gallery",
        }
    }

    /// Its title.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Machines => "Machines",
            Self::Agents => "Agents",
            Self::Sessions => "Sessions",
            Self::Runs => "Runs",
            Self::Logs => "Logs",
            Self::Tasks => "Tasks",
            Self::Channels => "Channels",
            Self::Connections => "Connections",
            Self::Settings => "Settings",
            #[cfg(feature = "gallery")]
            Self::Gallery => "Gallery",
        }
    }

    /// The key after `g` that jumps to it.
    pub const fn letter(self) -> char {
        match self {
            Self::Overview => 'o',
            Self::Machines => 'm',
            Self::Agents => 'a',
            Self::Sessions => 's',
            Self::Runs => 'r',
            Self::Logs => 'l',
            Self::Tasks => 't',
            Self::Channels => 'c',
            Self::Connections => 'n',
            Self::Settings => ',',
            #[cfg(feature = "gallery")]
            Self::Gallery => 'G',
        }
    }

    fn of(path: &str) -> Option<Self> {
        #[cfg(feature = "gallery")]
        if path == Self::Gallery.path() {
            return Some(Self::Gallery);
        }
        Self::ALL.into_iter().find(|view| view.path() == path)
    }
}

/// Where somebody is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Route {
    /// The view.
    pub view: View,
    /// What is selected in it: the parts of its key.
    pub selected: Vec<String>,
    /// The view's filters.
    pub filters: BTreeMap<String, String>,
    /// The moment, if it is not now.
    pub at: Option<At>,
}

impl Route {
    /// A view, nothing selected, now.
    pub const fn to(view: View) -> Self {
        Self { view, selected: Vec::new(), filters: BTreeMap::new(), at: None }
    }

    /// The same with something selected.
    pub fn select<'a>(mut self, key: impl IntoIterator<Item = &'a str>) -> Self {
        self.selected = key.into_iter().map(str::to_owned).collect();
        self
    }

    /// The same with a filter; an empty value takes it away.
    pub fn filter(mut self, name: &str, value: &str) -> Self {
        if value.is_empty() {
            self.filters.remove(name);
        } else {
            self.filters.insert(name.to_owned(), value.to_owned());
        }
        self
    }

    /// The same at a moment.
    pub fn at(mut self, at: Option<At>) -> Self {
        self.at = at;
        self
    }

    /// A filter's value; empty if it is not set.
    pub fn get(&self, name: &str) -> &str {
        self.filters.get(name).map_or("", String::as_str)
    }

    /// Whether this is what is selected.
    pub fn is_selected<'a>(&self, key: impl IntoIterator<Item = &'a str>) -> bool {
        self.selected.iter().map(String::as_str).eq(key)
    }

    /// Reads a hash. What is not understood is left out, so that an old link still shows its view.
    pub fn of_hash(hash: &str) -> Self {
        let hash = hash.strip_prefix('#').unwrap_or(hash);
        let (path, query) = hash.split_once('?').unwrap_or((hash, ""));
        let mut parts = path.split('/').filter(|part| !part.is_empty()).map(decoded);
        let view = parts.next().and_then(|path| View::of(&path)).unwrap_or(View::Overview);
        let mut route = Self::to(view);
        route.selected = parts.collect();
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            let value = decoded(value);
            if name == "at" {
                route.at = At::of_query(&value);
            } else if !value.is_empty() {
                route.filters.insert(decoded(name), value);
            }
        }
        route
    }

    /// Writes the hash.
    pub fn hash(&self) -> String {
        let mut hash = format!("#/{}", self.view.path());
        for part in &self.selected {
            hash.push('/');
            push_encoded(&mut hash, part);
        }
        let at = self.at.map(|at| ("at".to_owned(), at.query()));
        let pairs = self.filters.iter().map(|(name, value)| (name.clone(), value.clone())).chain(at);
        for (i, (name, value)) in pairs.enumerate() {
            hash.push(if i == 0 { '?' } else { '&' });
            push_encoded(&mut hash, &name);
            hash.push('=');
            push_encoded(&mut hash, &value);
        }
        hash
    }
}

/// Percent-encodes a text for an address.
pub fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push_encoded(&mut out, text);
    out
}

fn push_encoded(out: &mut String, text: &str) {
    const HEX: [u8; 16] = *b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~:,".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let byte = (bytes[i] == b'%')
            .then(|| text.get(i + 1..i + 3))
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        out.push(byte.unwrap_or(bytes[i]));
        i += if byte.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use patze_core::time::Timestamp;

    use super::*;

    #[test]
    fn a_hash_is_read_as_it_was_written() {
        let route = Route::to(View::Runs)
            .select(["machine/1", "r_ä %"])
            .filter("state", "failed")
            .filter("agent", "a&b=c")
            .at(Some(At::Time(Timestamp::from_millis(1_700_000_000_000))));
        assert_eq!(Route::of_hash(&route.hash()), route, "{}", route.hash());
        assert!(route.is_selected(["machine/1", "r_ä %"]));
        assert_eq!(route.get("state"), "failed");
        assert_eq!(route.filter("state", "").get("state"), "");
    }

    #[test]
    fn what_is_not_understood_is_left_out() {
        assert_eq!(Route::of_hash(""), Route::to(View::Overview));
        assert_eq!(Route::of_hash("#/nowhere"), Route::to(View::Overview));
        assert_eq!(Route::of_hash("#/logs?at=never&q=&x"), Route::to(View::Logs));
        assert_eq!(Route::of_hash("#/logs/%zz%4").selected, ["%zz%4"]);
        assert_eq!(Route::of_hash("#/logs/%FF").selected, ["\u{fffd}"]);
    }
}
