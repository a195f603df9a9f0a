//! Writes the fuzzers' seeds: `seeds FOLDER ROWS…`, where each file ROWS has one row of OpenClaw's a line.

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> std::io::Result<ExitCode> {
    let mut words = std::env::args_os().skip(1).map(PathBuf::from);
    let Some(folder) = words.next() else {
        eprintln!("seeds FOLDER ROWS…");
        return Ok(ExitCode::FAILURE);
    };
    let mut number = 0;
    for file in words {
        for seed in patze_fuzz::seeds::of(&std::fs::read_to_string(file)?) {
            let target = folder.join(seed.target);
            std::fs::create_dir_all(&target)?;
            std::fs::write(target.join(format!("seed-{number:05}")), seed.bytes)?;
            number += 1;
        }
    }
    println!("{number} seeds in {}", folder.display());
    Ok(ExitCode::SUCCESS)
}
