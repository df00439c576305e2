//! The TLS front that a registry has in production, as small as it can be.
//!
//! SwiftPM logs in only over `https`, and never sends a credential without having logged in.

use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use tokio::io::{
    AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, BufWriter, copy, split,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::certificates::Identity;

/// Longest head of a request.
const LONGEST_HEAD: usize = 64 * 1024;

/// Bytes of an answer that are held back until there are more.
const ANSWER: usize = 64 * 1024;

/// Accepts TLS connections for `localhost` and hands each request to a server behind it.
///
/// Each connection carries one request and is closed with its answer: SwiftPM 6.0 on Linux crashes at its end,
/// having done its work, when it has to close a connection that is still open (three logins of four; a fault of
/// its Foundation library).
#[derive(Debug)]
pub struct Front {
    address: SocketAddr,
    server: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
    accepting: JoinHandle<()>,
}

impl Front {
    /// Listens on a free port of 127.0.0.1 with this certificate, before a server that is still to be started.
    ///
    /// # Errors
    /// When the certificate cannot be used.
    pub async fn open(identity: &Identity) -> Result<Self> {
        Self::listen(identity, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), behind).await
    }

    /// Listens on a port of 127.0.0.1 with this certificate, before the server at `server`.
    ///
    /// # Errors
    /// When the certificate cannot be used, or the port is taken.
    pub async fn open_at(port: u16, identity: &Identity, server: SocketAddr) -> Result<Self> {
        Self::listen(identity, SocketAddr::from((Ipv4Addr::LOCALHOST, port)), |_| server).await
    }

    async fn listen(
        identity: &Identity,
        address: SocketAddr,
        server: impl FnOnce(SocketAddr) -> SocketAddr,
    ) -> Result<Self> {
        let chain = CertificateDer::pem_file_iter(&identity.certificate)?.collect::<Result<Vec<_>, _>>()?;
        let key = PrivateKeyDer::from_pem_file(&identity.key)?;
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind(address).await.with_context(|| format!("listening at {address}"))?;
        let address = listener.local_addr()?;
        let (server, seen) = (server(address), Arc::default());
        let accepting = tokio::spawn(accept(listener, acceptor, server, Arc::clone(&seen)));
        Ok(Self { address, server, seen, accepting })
    }

    /// Its address as clients have to write it, without a slash at the end.
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// Where the server behind it listens, or has to.
    pub fn server(&self) -> SocketAddr {
        self.server
    }

    /// The heads of the requests so far, in the order in which they came.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// The same port of another loopback address, which is free because nothing else uses that address.
fn behind(front: SocketAddr) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), front.port()))
}

async fn accept(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    server: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
) {
    while let Ok((connection, _)) = listener.accept().await {
        let (acceptor, seen) = (acceptor.clone(), Arc::clone(&seen));
        // A connection that fails is the client's to report.
        tokio::spawn(async move { forward(connection, &acceptor, server, &seen).await });
    }
}

/// Hands one request to the server and everything that follows to either side.
async fn forward(
    connection: TcpStream,
    acceptor: &TlsAcceptor,
    server: SocketAddr,
    seen: &Mutex<Vec<String>>,
) -> Result<()> {
    let buffered = BufWriter::with_capacity(ANSWER, connection);
    let mut client = BufReader::new(acceptor.accept(buffered).await?);
    let head = read_head(&mut client).await?;
    let mut server = TcpStream::connect(server).await?;
    server.write_all(last_of_connection(&head).as_bytes()).await?;
    seen.lock().unwrap_or_else(PoisonError::into_inner).push(head);
    let (mut from_client, mut to_client) = split(client);
    let (mut from_server, mut to_server) = server.split();
    // An answer may come before all of the request has been sent, and the rest then finds nobody.
    let sending = async {
        let _ = copy(&mut from_client, &mut to_server).await;
        pending::<()>().await;
    };
    tokio::select! {
        () = sending => Ok(()),
        answered = answer(&mut from_server, &mut to_client) => answered,
    }
}

/// Hands over the answer. Its end and the end of the connection arrive together: what is written goes out when the
/// buffer is full, or with the end.
async fn answer(server: &mut (impl AsyncRead + Unpin), client: &mut (impl AsyncWrite + Unpin)) -> Result<()> {
    let mut piece = vec![0; 16 * 1024];
    loop {
        let count = server.read(&mut piece).await?;
        if count == 0 {
            client.shutdown().await?;
            return Ok(());
        }
        let piece = piece.get(..count).unwrap_or_default();
        client.write_all(piece).await?;
        if piece.starts_with(b"HTTP/1.1 100 ") {
            client.flush().await?;
        }
    }
}

/// The request line and the header fields, with the empty line at the end.
async fn read_head(client: &mut BufReader<impl AsyncRead + Unpin>) -> Result<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        let count = client.read_line(&mut head).await.context("this is no HTTP")?;
        ensure!(count > 0, "the client went away");
        ensure!(head.len() <= LONGEST_HEAD, "this head is too long");
    }
    Ok(head)
}

/// The same head, asking for the connection to be closed after the answer.
fn last_of_connection(head: &str) -> String {
    let kept = head.split_inclusive("\r\n").filter(|line| {
        *line != "\r\n" && !line.split(':').next().is_some_and(|name| name.eq_ignore_ascii_case("connection"))
    });
    kept.chain(["Connection: close\r\n", "\r\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_for_the_connection_to_be_closed() {
        let head = "GET / HTTP/1.1\r\nHost: localhost\r\nconnection: keep-alive\r\nAccept: */*\r\n\r\n";
        assert_eq!(
            last_of_connection(head),
            "GET / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\nConnection: close\r\n\r\n"
        );
    }
}
