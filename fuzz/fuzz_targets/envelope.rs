//! libFuzzer's door to [`patze_fuzz::envelope`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| patze_fuzz::envelope(bytes));
