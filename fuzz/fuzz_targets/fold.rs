//! libFuzzer's door to [`patze_fuzz::fold`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| patze_fuzz::fold(bytes));
