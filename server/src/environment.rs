//! Variables of the environment, into which a `.env` file of the working folder was read before.
//!
//! A blank value counts as none: `.env` files are full of empty lines. One that is no Unicode is refused by name, for
//! taking it for none could open a server that was meant to be closed.

use std::ffi::{OsStr, OsString};

use clap::Command;

/// A variable whose value cannot be read as text.
#[derive(Debug, thiserror::Error)]
#[error("the value of {name} is not Unicode; correct it, or remove the variable")]
pub struct NotUnicode {
    /// The variable.
    pub name: String,
}

/// The value of a variable, if it has one.
///
/// # Errors
/// If it is no Unicode.
pub fn value(name: &str) -> Result<Option<String>, NotUnicode> {
    readable(name.as_ref(), std::env::var_os(name))
}

/// `command`, whose options take no notice of blank variables.
///
/// # Errors
/// If the value of a variable of an option is no Unicode.
pub fn without_blanks(command: Command) -> Result<Command, NotUnicode> {
    let mut fault = None;
    let command =
        command.mut_args(|arg| match arg.get_env().map(|name| readable(name, std::env::var_os(name))) {
            None | Some(Ok(Some(_))) => arg,
            Some(Ok(None)) => arg.env(None::<&'static str>),
            Some(Err(error)) => {
                fault.get_or_insert(error);
                arg
            }
        });
    fault.map_or(Ok(command), Err)
}

fn readable(name: &OsStr, value: Option<OsString>) -> Result<Option<String>, NotUnicode> {
    let Some(value) = value else { return Ok(None) };
    let text = value.into_string().map_err(|_| NotUnicode { name: name.to_string_lossy().into_owned() })?;
    Ok(Some(text).filter(|text| !text.trim().is_empty()))
}
