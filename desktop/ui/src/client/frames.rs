//! Server-sent events from bytes, however they are cut (the WHATWG rules, as far as this server uses them: one `data` line).

/// Takes bytes as they come, and gives whole frames.
#[derive(Default, Debug)]
pub struct Frames {
    buffer: Vec<u8>,
    /// Where the part of the buffer begins that was not given out.
    start: usize,
    /// Up to where no end of a frame stands.
    searched: usize,
}

/// A frame: its event's name and data.
#[derive(PartialEq, Eq, Debug)]
pub struct Frame<'a> {
    /// `telemetry`, `patze`, `hello`, `reset`; `message` if none is told.
    pub event: &'a str,
    /// The text of its `data` line.
    pub data: &'a str,
}

impl Frames {
    /// Adds what was received.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.start);
        self.searched = self.searched.saturating_sub(self.start);
        self.start = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next frame that is there as a whole. Comments are passed over.
    pub fn next_frame(&mut self) -> Option<Frame<'_>> {
        loop {
            let from = self.searched.max(self.start);
            let Some(end) = self.buffer[from..].windows(2).position(|pair| pair == b"\n\n") else {
                self.searched = self.buffer.len().saturating_sub(1).max(self.start);
                return None;
            };
            let (begin, end) = (self.start, from + end);
            self.start = end + 2;
            self.searched = self.start;
            if has_data(&self.buffer[begin..end]) {
                return std::str::from_utf8(&self.buffer[begin..end]).ok().map(read);
            }
        }
    }
}

fn has_data(block: &[u8]) -> bool {
    std::str::from_utf8(block).is_ok_and(|text| text.lines().any(|line| line.starts_with("data:")))
}

fn read(block: &str) -> Frame<'_> {
    let field = |name: &str| {
        block.lines().find_map(|line| {
            let value = line.strip_prefix(name)?.strip_prefix(':')?;
            Some(value.strip_prefix(' ').unwrap_or(value))
        })
    };
    Frame { event: field("event").unwrap_or("message"), data: field("data").unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = ": connected\n\nevent: hello\ndata: {\"a\":1}\n\nid: e1\nevent: telemetry\ndata: {\"ä\":\"\\n\"}\n\n: heartbeat\n\ndata:x\n\n";

    /// Whatever the network makes of it: every way of cutting the stream into two, and byte by byte.
    #[test]
    fn frames_are_whole_however_they_are_cut() {
        let whole = collect(&[STREAM.as_bytes()]);
        assert_eq!(
            whole,
            [
                ("hello".to_owned(), "{\"a\":1}".to_owned()),
                ("telemetry".to_owned(), "{\"ä\":\"\\n\"}".to_owned()),
                ("message".to_owned(), "x".to_owned())
            ]
        );
        for cut in 0..STREAM.len() {
            let (a, b) = STREAM.as_bytes().split_at(cut);
            assert_eq!(collect(&[a, b]), whole, "cut at {cut}");
        }
        let bytes: Vec<&[u8]> = STREAM.as_bytes().chunks(1).collect();
        assert_eq!(collect(&bytes), whole);
    }

    #[test]
    fn a_half_frame_waits_and_rubbish_is_passed_over() {
        let mut frames = Frames::default();
        frames.push(b"event: telemetry\ndata: {");
        assert_eq!(frames.next_frame(), None);
        frames.push(b"}\n\n\xff\xfe\n\n\n\n");
        assert_eq!(frames.next_frame(), Some(Frame { event: "telemetry", data: "{}" }));
        assert_eq!(frames.next_frame(), None);
    }

    fn collect(pieces: &[&[u8]]) -> Vec<(String, String)> {
        let (mut frames, mut all) = (Frames::default(), Vec::new());
        for piece in pieces {
            frames.push(piece);
            while let Some(frame) = frames.next_frame() {
                all.push((frame.event.to_owned(), frame.data.to_owned()));
            }
        }
        all
    }
}
