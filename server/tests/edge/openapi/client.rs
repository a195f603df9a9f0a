//! A client that is generated from the document works: TypeScript, as the contract's own clients are.

use std::path::{Path, PathBuf};
use std::process::Command;

use actix_web::web;

use crate::support::Server;

/// The client's program, its dependencies and their lock.
const FILES: [(&str, &str); 4] = [
    ("package.json", include_str!("client/package.json")),
    ("package-lock.json", include_str!("client/package-lock.json")),
    ("tsconfig.json", include_str!("client/tsconfig.json")),
    ("client.ts", include_str!("client/client.ts")),
];

#[actix_rt::test]
async fn a_generated_client_ingests_reads_back_and_is_refused_by_type() {
    let server = Server::start().await;
    let address = server.url("");
    web::block(move || {
        let folder = folder();
        let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
        let module = |path: &str| folder.join("node_modules").join(path);
        run(
            &folder,
            Command::new("node")
                .arg(module("openapi-typescript/bin/cli.js"))
                .arg(document)
                .args(["-o", "api.ts"]),
        );
        run(&folder, Command::new("node").arg(module("typescript/bin/tsc")).args(["-p", "."]));
        run(&folder, Command::new("node").arg("client.js").arg(address));
    })
    .await
    .unwrap();
    assert!(
        server
            .plane
            .log
            .fleet()
            .facts()
            .machines
            .iter()
            .any(|machine| machine.machine_id.as_str() == "generated")
    );
    server.stop().await;
}

/// A folder with the program and its dependencies, which are installed once for each lock.
fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("openapi-client");
    std::fs::create_dir_all(&folder).unwrap();
    let installed = folder.join("node_modules/.installed");
    let is_installed = std::fs::read_to_string(&installed).is_ok_and(|lock| lock == FILES[1].1);
    for (name, text) in FILES {
        std::fs::write(folder.join(name), text).unwrap();
    }
    if !is_installed {
        run(
            &folder,
            Command::new("npm").args([
                "ci",
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
                "--prefer-offline",
            ]),
        );
        std::fs::write(installed, FILES[1].1).unwrap();
    }
    folder
}

fn run(folder: &Path, command: &mut Command) {
    let output = command.current_dir(folder).output();
    let output = output.unwrap_or_else(|error| {
        panic!("{command:?}: {error}; node and npm are needed (scripts/test installs them)")
    });
    assert!(
        output.status.success(),
        "{command:?}\n{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
