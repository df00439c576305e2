//! What SwiftPM sends, in the versions that cannot be run here.
//!
//! Requests as version 6.0.3 was recorded sending them on Linux; other versions differ from it by what their
//! sources say (`RegistryClient.swift`, and Foundation's `HTTPURLProtocol.swift` for the fields it adds).

pub mod demands;

/// One version of SwiftPM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// What its `User-Agent` says.
    pub number: &'static str,
    /// What its libcurl was built to decode.
    encodings: &'static str,
    /// Whether it asks once for the metadata of a release, not before each file of it again.
    pub remembers_metadata: bool,
    /// Whether it follows `rel="next"`.
    pub follows_pages: bool,
    /// Whether it takes its token along when it is sent to another host for an archive.
    pub takes_token_along: bool,
}

/// SwiftPM 5.9, the oldest that logs in and publishes.
pub const SWIFT_5_9: Version = Version {
    number: "5.9.2",
    encodings: "deflate, gzip, br",
    remembers_metadata: false,
    follows_pages: false,
    takes_token_along: true,
};
/// SwiftPM 6.0.
pub const SWIFT_6_0: Version = Version {
    number: "6.0.3",
    encodings: "deflate, gzip, br, zstd",
    remembers_metadata: false,
    follows_pages: false,
    takes_token_along: true,
};
/// SwiftPM 6.3, the newest.
pub const SWIFT_6_3: Version = Version {
    number: "6.3.3",
    encodings: "deflate, gzip",
    remembers_metadata: true,
    follows_pages: true,
    takes_token_along: false,
};

/// The types it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// Lists, metadata, identifiers.
    Json,
    /// Manifests.
    Swift,
    /// Archives.
    Zip,
}

impl Media {
    fn accept(self) -> &'static str {
        match self {
            Self::Json => "application/vnd.swift.registry.v1+json",
            Self::Swift => "application/vnd.swift.registry.v1+swift",
            Self::Zip => "application/vnd.swift.registry.v1+zip",
        }
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Swift => "text/x-swift",
            Self::Zip => "application/zip",
        }
    }
}

/// What one version of it sends to one host with one token.
#[derive(Debug, Clone)]
pub struct Client {
    /// The version.
    pub version: Version,
    /// Host and port.
    pub host: String,
    /// Token; without one it sends no `Authorization`.
    pub token: Option<String>,
}

impl Client {
    /// The head of a `GET`. `turn` chooses an order of those fields whose order is a matter of chance: they
    /// come out of a dictionary.
    pub fn get(&self, path: &str, media: Media, turn: usize) -> String {
        self.head(&format!("GET {path}"), vec![("Accept", media.accept().into())], turn, None)
    }

    /// The head of the check whether the registry is there. It has no `Accept` of its own.
    pub fn availability(&self, path: &str) -> String {
        self.head(&format!("GET {path}"), Vec::new(), 0, None)
    }

    /// A login, which has no body and no `Accept` of its own.
    pub fn login(&self, path: &str) -> String {
        self.head(&format!("POST {path}"), Vec::new(), 0, Some(0))
    }

    /// The head of a `PUT`; the body follows when the server has said to go on.
    pub fn publish(&self, path: &str, form: &Form, turn: usize) -> String {
        let mut fields = vec![
            ("Content-Type", format!("multipart/form-data;boundary=\"{}\"", form.boundary)),
            ("Accept", Media::Json.accept().into()),
            ("Expect", "100-continue".into()),
            ("Prefer", "respond-async".into()),
        ];
        if form.signature.is_some() {
            fields.push(("X-Swift-Package-Signature-Format", "cms-1.0.0".into()));
        }
        self.head(&format!("PUT {path}"), fields, turn, Some(form.bytes().len()))
    }

    fn head(&self, line: &str, own: Vec<(&str, String)>, turn: usize, length: Option<usize>) -> String {
        let mut fields = vec![("Host", self.host.clone())];
        if own.iter().all(|(name, _)| *name != "Accept") {
            fields.push(("Accept", "*/*".into()));
        }
        fields.push(("Accept-Encoding", self.version.encodings.into()));
        let mut dictionary = own;
        dictionary.push(("User-Agent", format!("SwiftPackageManager/{}", self.version.number)));
        dictionary.extend(self.token.iter().map(|token| ("Authorization", format!("Bearer {token}"))));
        let turn = turn % dictionary.len();
        dictionary.rotate_left(turn);
        fields.extend(dictionary);
        fields.extend([("Connection", "keep-alive".into()), ("Accept-Language", "en".into())]);
        fields.extend(length.map(|length| ("Content-Length", length.to_string())));
        let fields: String =
            fields.iter().flat_map(|(name, value)| [*name, ": ", value.as_str(), "\r\n"]).collect();
        format!("{line} HTTP/1.1\r\n{fields}\r\n")
    }
}

/// The body of a publish.
#[derive(Debug, Clone)]
pub struct Form {
    /// A UUID in capitals.
    pub boundary: String,
    /// The archive.
    pub archive: Vec<u8>,
    /// Signature of the archive.
    pub signature: Option<Vec<u8>>,
    /// The metadata document.
    pub metadata: Option<String>,
    /// Signature of the metadata.
    pub metadata_signature: Option<Vec<u8>>,
}

impl Form {
    /// An unsigned one.
    pub fn new(archive: Vec<u8>, metadata: Option<&str>) -> Self {
        Self {
            boundary: "62224EEF-49B9-42AB-8F5C-B0E2108EA843".into(),
            archive,
            signature: None,
            metadata: metadata.map(Into::into),
            metadata_signature: None,
        }
    }

    /// The whole body. The metadata says that it is quoted-printable, and is not.
    pub fn bytes(&self) -> Vec<u8> {
        let parts = [
            ("source-archive", "application/zip", "binary", Some(self.archive.as_slice())),
            ("source-archive-signature", "application/octet-stream", "binary", self.signature.as_deref()),
            ("metadata", "application/json", "quoted-printable", self.metadata.as_deref().map(str::as_bytes)),
            ("metadata-signature", "application/octet-stream", "binary", self.metadata_signature.as_deref()),
        ];
        let mut body = Vec::new();
        for (name, content_type, encoding, content) in parts {
            let Some(content) = content else { continue };
            if !body.is_empty() {
                body.extend_from_slice(b"\r\n");
            }
            let head = format!(
                "--{}\r\nContent-Disposition: form-data; name=\"{name}\"\r\nContent-Type: {content_type}\r\n\
                 Content-Transfer-Encoding: {encoding}\r\n\r\n",
                self.boundary
            );
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(content);
        }
        body.extend_from_slice(format!("\r\n--{}--\r\n", self.boundary).as_bytes());
        body
    }
}

#[cfg(test)]
mod tests;
