//! https with an authority of one's own. `bridge_tls/` holds a test authority's certificate, a server's certificate and key
//! made by it, and another authority (all of them good until 2126, and good for nothing else).

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

#[path = "bridge_support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use support::{ControlPlane, Place};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bridge_tls").join(name)
}

/// Speaks TLS before the control plane at `port`; its own port.
fn tls_proxy(port: u16) -> u16 {
    let certificates =
        CertificateDer::pem_file_iter(file("cert.pem")).unwrap().collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_file(file("key.pem")).unwrap();
    let config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(certificates, key)
            .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let (told, tell) = std::sync::mpsc::channel();
    // It ends with the test's process.
    std::thread::spawn(move || {
        actix_rt::System::new().block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            told.send(listener.local_addr().unwrap().port()).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let acceptor = acceptor.clone();
                actix_rt::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let mut inner = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut stream, &mut inner).await;
                });
            }
        });
    });
    tell.recv().unwrap()
}

#[test]
fn an_authority_of_ones_own_is_trusted_and_no_other() {
    let plane = ControlPlane::start();
    let port = tls_proxy(plane.port);
    for (host, ca, trusted) in
        [("localhost", "ca.pem", true), ("127.0.0.1", "ca.pem", true), ("localhost", "other-ca.pem", false)]
    {
        let before = plane.asked().len();
        let place =
            Place::new(&format!("https://{host}:{port}")).set("PATZE_CA_FILE", file(ca).to_str().unwrap());
        let bridge = place.start();
        if trusted {
            let asked = plane.wait_until("a delivery", |asked| asked.len() > before);
            assert_eq!(asked[before].headers["host"], format!("{host}:{port}"));
        } else {
            bridge.wait_for("no trust in");
            assert_eq!(plane.asked().len(), before);
        }
    }
}

#[test]
fn an_authority_that_cannot_be_read_is_told_at_start() {
    let place = Place::new("https://localhost:1").set("PATZE_CA_FILE", "/nonexistent/ca.pem");
    let output = place.command(&[]).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("PATZE_CA_FILE /nonexistent/ca.pem"), "{text}");
}
