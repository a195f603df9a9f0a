//! The transcript entries that the mapper understands, read leniently: a field of another type than expected counts as
//! absent, an unknown entry as nothing.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::event::payload::{Text, lenient};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry<'a> {
    #[serde(borrow, rename = "type")]
    pub kind: Text<'a>,
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub id: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub timestamp: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub custom_type: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub message: Option<Message<'a>>,
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub details: Option<FailureDetails<'a>>,
}

/// `details` of a `custom_message run-failed-before-reply`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FailureDetails<'a> {
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub run_id: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub error: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Message<'a> {
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub role: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub content: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub provider: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub model: Option<Text<'a>>,
    #[serde(default, deserialize_with = "lenient")]
    pub usage: Option<Usage>,
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub stop_reason: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub error_message: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub tool_call_id: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub tool_name: Option<Text<'a>>,
    #[serde(default, deserialize_with = "lenient")]
    pub is_error: Option<bool>,
    #[serde(default, deserialize_with = "lenient")]
    pub details: Option<ToolDetails>,
    #[serde(borrow, default, deserialize_with = "lenient", rename = "__openclaw")]
    pub openclaw: Option<Provenance<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Provenance<'a> {
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub run_id: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub transport: Option<Transport<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Transport<'a> {
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub channel: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolDetails {
    #[serde(default, deserialize_with = "lenient")]
    pub exit_code: Option<i64>,
    #[serde(default, deserialize_with = "lenient")]
    pub duration_ms: Option<f64>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Usage {
    #[serde(default, deserialize_with = "lenient")]
    pub input: Option<f64>,
    #[serde(default, deserialize_with = "lenient")]
    pub output: Option<f64>,
    #[serde(default, deserialize_with = "lenient")]
    pub cache_read: Option<f64>,
    #[serde(default, deserialize_with = "lenient")]
    pub cache_write: Option<f64>,
    #[serde(default, deserialize_with = "lenient")]
    pub total_tokens: Option<f64>,
    #[serde(default, deserialize_with = "lenient")]
    pub cost: Option<Cost>,
}

#[derive(Clone, Copy, Default, Deserialize)]
pub(super) struct Cost {
    #[serde(default, deserialize_with = "lenient")]
    pub total: Option<f64>,
}

/// A block of a message's content.
#[derive(Deserialize)]
pub(super) struct Block<'a> {
    #[serde(borrow, default, rename = "type", deserialize_with = "lenient")]
    pub kind: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub text: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub id: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub name: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub arguments: Option<&'a RawValue>,
}

/// A message's content: one text, or blocks.
pub(super) enum Content<'a> {
    Text(Text<'a>),
    Blocks(Vec<Block<'a>>),
}

impl<'a> Message<'a> {
    pub fn role(&self) -> &str {
        self.role.as_deref().unwrap_or_default()
    }

    pub fn run_id(&self) -> Option<&str> {
        self.openclaw.as_ref()?.run_id.as_deref().filter(|id| !id.is_empty())
    }

    pub fn channel(&self) -> Option<&str> {
        self.openclaw.as_ref()?.transport.as_ref()?.channel.as_deref()
    }

    /// The content; what is neither text nor blocks counts as no blocks.
    pub fn content(&self) -> Content<'a> {
        let Some(raw) = self.content else { return Content::Blocks(Vec::new()) };
        if let Ok(text) = serde_json::from_str(raw.get()) {
            return Content::Text(text);
        }
        let blocks: Vec<&RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
        Content::Blocks(
            blocks.into_iter().filter_map(|block| serde_json::from_str(block.get()).ok()).collect(),
        )
    }
}

impl Content<'_> {
    /// The texts, in order; thinking is none.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let (one, blocks) = match self {
            Self::Text(text) => (Some(&**text), [].as_slice()),
            Self::Blocks(blocks) => (None, blocks.as_slice()),
        };
        let blocks = blocks.iter().filter(|block| block.kind.as_deref() == Some("text"));
        one.into_iter().chain(blocks.filter_map(|block| block.text.as_deref()))
    }

    /// The tool calls, in order.
    pub fn tool_calls(&self) -> impl Iterator<Item = &Block<'_>> {
        let blocks = match self {
            Self::Text(_) => [].as_slice(),
            Self::Blocks(blocks) => blocks.as_slice(),
        };
        blocks.iter().filter(|block| block.kind.as_deref() == Some("toolCall"))
    }
}
