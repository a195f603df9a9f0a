//! Packs the page (`scripts/build-web` calls it): from what rustc made and from what lies in `desktop/ui` to a folder that a
//! server can serve as it is.
//!
//! 1. wasm-bindgen, as a library, so that its version is the one in our lock file.
//! 2. `wasm-opt`, if there is one.
//! 3. The style sheets become one.
//! 4. Every file but `index.html` gets a name with its hash, so that browsers may keep it for ever, and what refers to it is
//!    rewritten.
//! 5. Beside each file lie its gzip and brotli forms.
//!
//!     patze-pack --wasm FILE --ui FOLDER --out FOLDER [--wasm-opt PROGRAM] [--dev]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use sha2::{Digest as _, Sha256};
use wasm_bindgen_cli_support::Bindgen;

/// The style sheets, in the order in which later ones win.
const STYLES: [&str; 11] = [
    "tokens", "base", "parts", "shell", "overview", "machines", "agents", "sessions", "runs", "logs",
    "settings",
];
/// Smaller files are not worth compressing.
const COMPRESSED_FROM: usize = 512;

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("{0} is missing; see the head of desktop/pack/src/main.rs")]
    Argument(&'static str),
    #[error("cannot read {0}")]
    Read(PathBuf, #[source] std::io::Error),
    #[error("cannot write {0}")]
    Write(PathBuf, #[source] std::io::Error),
    #[error("wasm-bindgen failed: {0}")]
    Bindgen(String),
    #[error("{0} did not run")]
    Program(PathBuf, #[source] std::io::Error),
    #[error("{0} failed")]
    Failed(PathBuf),
    #[error("{0} refers to {1}, which is not there")]
    Reference(String, String),
}

struct Arguments {
    wasm: PathBuf,
    ui: PathBuf,
    out: PathBuf,
    wasm_opt: Option<PathBuf>,
    dev: bool,
}

fn main() -> ExitCode {
    match arguments().and_then(|arguments| pack(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            let cause =
                std::error::Error::source(&fault).map(|cause| format!(": {cause}")).unwrap_or_default();
            eprintln!("error: {fault}{cause}");
            ExitCode::FAILURE
        }
    }
}

fn arguments() -> Result<Arguments, Fault> {
    let (mut paths, mut dev) = (BTreeMap::new(), false);
    let mut given = std::env::args_os().skip(1);
    while let Some(name) = given.next() {
        match name.to_str() {
            Some("--dev") => dev = true,
            Some(name) => {
                drop(paths.insert(name.to_owned(), given.next().map(PathBuf::from).unwrap_or_default()));
            }
            None => {}
        }
    }
    let mut path = |name: &'static str| paths.remove(name).filter(|path| !path.as_os_str().is_empty());
    Ok(Arguments {
        wasm: path("--wasm").ok_or(Fault::Argument("--wasm"))?,
        ui: path("--ui").ok_or(Fault::Argument("--ui"))?,
        out: path("--out").ok_or(Fault::Argument("--out"))?,
        wasm_opt: path("--wasm-opt"),
        dev,
    })
}

fn pack(arguments: &Arguments) -> Result<(), Fault> {
    // Beside the old one, so that a server that serves it meanwhile finds either the old page or the new one.
    let work = arguments.out.with_extension("new");
    let _ = fs::remove_dir_all(&work);
    fs::create_dir_all(&work).map_err(|error| Fault::Write(work.clone(), error))?;
    let mut files = bound(arguments, &work)?;
    files.insert("style.css".to_owned(), styles(&arguments.ui)?);
    files.insert("boot.js".to_owned(), read(&arguments.ui.join("boot.js"))?);
    add_folder(&arguments.ui.join("static"), "", &mut files)?;
    let index = read(&arguments.ui.join("index.html"))?;
    let files = named(files, &index)?;
    fs::remove_dir_all(&work).map_err(|error| Fault::Write(work.clone(), error))?;
    let mut sizes = [0_usize; 3];
    for (name, bytes) in &files {
        let sent = store(&work.join(name), bytes, arguments.dev)?;
        for (sum, size) in sizes.iter_mut().zip(sent) {
            *sum += size;
        }
        println!("{:>9} {:>8} gzip {:>8} brotli  {name}", sent[0], sent[1], sent[2]);
    }
    println!("{:>9} {:>8} gzip {:>8} brotli  in all", sizes[0], sizes[1], sizes[2]);
    let _ = fs::remove_dir_all(&arguments.out);
    fs::rename(&work, &arguments.out).map_err(|error| Fault::Write(arguments.out.clone(), error))
}

/// The module and its JavaScript.
fn bound(arguments: &Arguments, work: &Path) -> Result<BTreeMap<String, Vec<u8>>, Fault> {
    let mut bindgen = Bindgen::new();
    let bindgen = bindgen.input_path(&arguments.wasm).out_name("app").typescript(false).debug(arguments.dev);
    let bindgen = bindgen.remove_name_section(!arguments.dev).remove_producers_section(!arguments.dev);
    let fault = |error: &dyn std::fmt::Display| Fault::Bindgen(error.to_string());
    bindgen.web(true).map_err(|error| fault(&error))?.generate(work).map_err(|error| fault(&error))?;
    let module = work.join("app_bg.wasm");
    if let Some(program) = arguments.wasm_opt.as_ref().filter(|_| !arguments.dev) {
        let status = Command::new(program).arg("-Oz").arg(&module).arg("-o").arg(&module).status();
        if !status.map_err(|error| Fault::Program(program.clone(), error))?.success() {
            return Err(Fault::Failed(program.clone()));
        }
    }
    let script = String::from_utf8_lossy(&read(&work.join("app.js"))?).replace("app_bg.wasm", "app.wasm");
    Ok(BTreeMap::from([("app.wasm".to_owned(), read(&module)?), ("app.js".to_owned(), script.into_bytes())]))
}

fn styles(ui: &Path) -> Result<Vec<u8>, Fault> {
    let mut all = Vec::new();
    for name in STYLES {
        all.extend(read(&ui.join("styles").join(name).with_extension("css"))?);
    }
    Ok(all)
}

fn add_folder(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) -> Result<(), Fault> {
    let fault = |error| Fault::Read(folder.to_owned(), error);
    for entry in fs::read_dir(folder).map_err(fault)? {
        let entry = entry.map_err(fault)?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            add_folder(&entry.path(), &format!("{name}/"), files)?;
        } else {
            files.insert(name, read(&entry.path())?);
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, Fault> {
    fs::read(path).map_err(|error| Fault::Read(path.to_owned(), error))
}

/// Gives every file a name with its hash, those that are referred to before those that refer to them.
fn named(mut files: BTreeMap<String, Vec<u8>>, index: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, Fault> {
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let mut packed = BTreeMap::new();
    // Leaves first; the boot script refers to both parts of the module.
    let order = |name: &str| match name {
        "boot.js" => 3,
        "app.js" | "style.css" | "manifest.webmanifest" => 2,
        _ => 1,
    };
    let mut all: Vec<String> = files.keys().cloned().collect();
    all.sort_by_key(|name| (order(name), name.clone()));
    for name in all {
        let bytes = files.remove(&name).unwrap_or_default();
        let bytes = if order(&name) > 1 { rewritten(&name, &bytes, &names)? } else { bytes };
        let hash: String = Sha256::digest(&bytes).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let (stem, extension) = name.rsplit_once('.').unwrap_or((&name, ""));
        let hashed = if extension.is_empty() { name.clone() } else { format!("{stem}-{hash}.{extension}") };
        packed.insert(hashed.clone(), bytes);
        names.insert(name, hashed);
    }
    // The server has the page at `/` and its files under `/page/`.
    let below = names.into_iter().map(|(name, hashed)| (name, format!("page/{hashed}"))).collect();
    packed.insert("index.html".to_owned(), rewritten("index.html", index, &below)?);
    Ok(packed)
}

/// Every `./name` in quotes becomes the name with its hash.
fn rewritten(name: &str, bytes: &[u8], names: &BTreeMap<String, String>) -> Result<Vec<u8>, Fault> {
    let text = String::from_utf8_lossy(bytes);
    let (mut out, mut rest) = (String::with_capacity(text.len()), &*text);
    while let Some(at) = rest.find("\"./") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let Some(end) = after.find('"') else {
            rest = after;
            continue;
        };
        let wanted = &after[..end];
        // The page itself is `./`.
        if wanted.is_empty() {
            rest = after;
            continue;
        }
        match names.get(wanted) {
            Some(hashed) => out.push_str(hashed),
            // What wasm-bindgen writes names the module's imports like files.
            None if name == "app.js" => out.push_str(wanted),
            None => return Err(Fault::Reference(name.to_owned(), wanted.to_owned())),
        }
        rest = &after[end..];
    }
    out.push_str(rest);
    Ok(out.into_bytes())
}

/// Writes a file with its compressed forms; gives the sizes that are sent: as it is, gzip, brotli.
fn store(path: &Path, bytes: &[u8], dev: bool) -> Result<[usize; 3], Fault> {
    let write = |path: &Path, bytes: &[u8]| {
        fs::write(path, bytes).map_err(|error| Fault::Write(path.to_owned(), error))
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| Fault::Write(folder.to_owned(), error))?;
    }
    write(path, bytes)?;
    let packed = path.extension().is_some_and(|extension| extension == "woff2" || extension == "png");
    if dev || packed || bytes.len() < COMPRESSED_FROM {
        return Ok([bytes.len(); 3]);
    }
    let fault = |error| Fault::Write(path.to_owned(), error);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(bytes).map_err(fault)?;
    let gzip = gzip.finish().map_err(fault)?;
    let mut brotli = Vec::new();
    let options = brotli::enc::BrotliEncoderParams {
        quality: 11,
        lgwin: 22,
        size_hint: bytes.len(),
        ..Default::default()
    };
    brotli::BrotliCompress(&mut &*bytes, &mut brotli, &options).map_err(fault)?;
    let beside = |extension: &str| PathBuf::from(format!("{}.{extension}", path.display()));
    write(&beside("gz"), &gzip)?;
    write(&beside("br"), &brotli)?;
    Ok([bytes.len(), gzip.len(), brotli.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_refers_to_a_file_refers_to_its_hash() {
        let files = BTreeMap::from([
            ("app.wasm".to_owned(), b"w".to_vec()),
            ("app.js".to_owned(), br#"new URL("./app.wasm")"#.to_vec()),
            ("boot.js".to_owned(), br#"import i from "./app.js"; i("./app.wasm")"#.to_vec()),
            ("LICENSE".to_owned(), b"l".to_vec()),
        ]);
        let packed = named(files, br#"<script src="./boot.js"></script><a href="./">"#).unwrap();
        let names: Vec<&String> = packed.keys().collect();
        assert_eq!(names.len(), 5);
        let boot = names.iter().find(|name| name.starts_with("boot-")).unwrap();
        let index = String::from_utf8(packed["index.html"].clone()).unwrap();
        assert_eq!(index, format!(r#"<script src="./page/{boot}"></script><a href="./">"#));
        let text = String::from_utf8(packed[*boot].clone()).unwrap();
        assert!(text.contains("./app-") && !text.contains("app.js"), "{text}");
    }

    #[test]
    fn what_is_not_there_is_named() {
        let fault = rewritten("index.html", br#"src="./gone.js""#, &BTreeMap::new()).unwrap_err();
        assert_eq!(fault.to_string(), "index.html refers to gone.js, which is not there");
    }
}
