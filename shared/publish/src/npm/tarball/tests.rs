use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use tar::{EntryType, Header};

use super::*;

const MANIFEST: &[u8] = br#"{"name":"n","version":"1.0.0"}"#;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A tar file under construction, entry by entry, with nothing checked.
#[derive(Default)]
struct Tar(Vec<u8>);

impl Tar {
    /// One with a manifest.
    fn good() -> Self {
        Self::default().file("package/package.json", MANIFEST)
    }

    fn raw(mut self, name: &[u8], kind: u8, size: u64, content: &[u8]) -> Self {
        let mut header = Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        header.set_entry_type(EntryType::new(kind));
        header.set_size(size);
        header.set_mode(0o644);
        header.set_mtime(499_162_500);
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self.content(content)
    }

    fn content(mut self, content: &[u8]) -> Self {
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    fn entry(self, name: &str, kind: u8, content: &[u8]) -> Self {
        self.raw(name.as_bytes(), kind, content.len() as u64, content)
    }

    fn file(self, name: &str, content: &[u8]) -> Self {
        self.entry(name, b'0', content)
    }

    fn folder(self, name: &str) -> Self {
        self.entry(name, b'5', b"")
    }

    fn pax(self, kind: u8, records: &[(&str, &str)]) -> Self {
        let mut content = Vec::new();
        for (key, value) in records {
            let rest = format!(" {key}={value}\n");
            let length = (1..9).find(|digits| (digits + rest.len()).to_string().len() == *digits).unwrap();
            write!(content, "{}{rest}", length + rest.len()).unwrap();
        }
        self.entry("PaxHeader/x", kind, &content)
    }

    fn end(mut self) -> Vec<u8> {
        self.0.extend_from_slice(&[0; 1024]);
        self.0
    }

    fn inspect(self) -> Result<TarballFacts> {
        inspect(gzip(&self.end()).as_slice(), TarballLimits::default())
    }
}

#[track_caller]
fn refused(result: Result<TarballFacts>, reason: &str) {
    match result {
        Err(Error::BadRequest(text)) => {
            assert!(text.starts_with("the tarball ") && text.contains(reason), "{text} (not {reason})");
        }
        other => panic!("{other:?} (not {reason})"),
    }
}

#[test]
fn a_plain_package_is_described() {
    let facts = Tar::good()
        .file("package/README", b"plain")
        .file("package/Readme.md", b"# n")
        .file("package/readme.txt", b"text")
        .file("package/lib/package.json", b"{ not looked at")
        .file("package/lib/README.md", b"not this")
        .file("package/npm-shrinkwrap.json", b"{}")
        .file("package/binding.gyp", b"{}")
        .inspect()
        .unwrap();
    assert_eq!(Value::from(facts.manifest), json!({"name": "n", "version": "1.0.0"}));
    assert_eq!(facts.readme.as_deref(), Some("# n"));
    assert_eq!(facts.readme_filename.as_deref(), Some("Readme.md"));
    assert_eq!((facts.file_count, facts.unpacked_size), (8, 30 + 5 + 3 + 4 + 15 + 8 + 2 + 2));
    assert!(facts.has_shrinkwrap && facts.has_binding_gyp);
    assert_eq!(facts.root, "package");
    let bare = Tar::good().inspect().unwrap();
    assert!(bare.readme.is_none() && !bare.has_shrinkwrap && !bare.has_binding_gyp);
}

#[test]
fn what_packers_write_is_accepted() {
    let long = format!("package/{}/file.js", "d".repeat(200));
    let gnu_name = [long.as_bytes(), b"\0"].concat();
    let facts = Tar::default()
        .pax(b'g', &[("comment", "0123456789012345678901234567890123456789")])
        .folder("other-root/")
        .folder("other-root")
        .entry("other-root/folder/", b'0', b"")
        .pax(
            b'x',
            &[("mtime", "499162500.5"), ("path", "other-root/package.json"), ("SCHILY.xattr.a", "1\n2")],
        )
        .raw(b"cut", 0, MANIFEST.len() as u64, MANIFEST)
        .raw(b"././@LongLink", b'L', gnu_name.len() as u64, &gnu_name)
        .file("cut", b"x");
    // The long name is below another folder; with its own it fits.
    refused(facts.inspect(), "outside of its top-level folder 'other-root'");
    let facts = Tar::good()
        .raw(b"././@LongLink", b'L', gnu_name.len() as u64, &gnu_name)
        .file("cut", b"x")
        .pax(b'x', &[("path", &long.replace("file", "other")), ("size", "3")])
        .file("cut", b"abc")
        .pax(b'x', &[("path", "package/żółć.js")])
        .file("package/?.js", b"")
        .file("package/UPPER.js", b"")
        .file("package/upper.js", b"")
        .inspect()
        .unwrap();
    assert_eq!((facts.file_count, facts.unpacked_size), (6, 34));
}

#[test]
fn a_byte_order_mark_and_several_gzip_members_are_forgiven() {
    let manifest = [b"\xef\xbb\xbf", MANIFEST].concat();
    let tar = Tar::default()
        .file("package/package.json", &manifest)
        .file("package/README.md", b"\xef\xbb\xbfx\xff")
        .end();
    let (first, second) = tar.split_at(700);
    let members = [gzip(first), gzip(second)].concat();
    let facts = inspect(members.as_slice(), TarballLimits::default()).unwrap();
    assert_eq!(facts.readme.as_deref(), Some("x\u{fffd}"));
}

#[test]
fn a_long_readme_is_cut_between_characters() {
    for start in ["", "x", "xx"] {
        let text = format!("{start}{}", "€".repeat(100_000));
        let facts = Tar::good().file("package/README.md", text.as_bytes()).inspect().unwrap();
        let readme = facts.readme.unwrap();
        assert!(readme.len() <= 65_536 && readme.len() > 65_533);
        assert!(text.starts_with(&readme));
    }
}

#[test]
fn files_of_the_program_folder_are_listed() {
    let manifest = br#"{"name":"n","version":"1.0.0","directories":{"bin":"./bin/"}}"#;
    let facts = Tar::default()
        .file("package/bin/b.js", b"")
        .file("package/bin/.hidden", b"")
        .file("package/bin/deep/a.js", b"")
        .file("package/binary/c.js", b"")
        .file("package/package.json", manifest)
        .inspect()
        .unwrap();
    assert_eq!(facts.bin_files, ["bin/b.js", "bin/deep/a.js"]);
}

#[test]
fn only_files_and_directories() {
    for (kind, what) in [
        (b'1', "a hard link"),
        (b'2', "a symbolic link"),
        (b'3', "a device"),
        (b'4', "a device"),
        (b'6', "a named pipe"),
        (b'S', "a sparse file"),
        (b'7', "of an unknown kind"),
        (b'K', "a hard link"),
        (b'V', "of an unknown kind"),
    ] {
        refused(
            Tar::good().entry("package/thing", kind, b"").inspect(),
            &format!("'package/thing' that is {what}"),
        );
    }
    let sparse = Tar::good().pax(b'x', &[("GNU.sparse.major", "1")]).file("package/s", b"x");
    refused(sparse.inspect(), "'package/s' that is a sparse file");
    let link = Tar::good().pax(b'x', &[("linkpath", "/etc/passwd")]).file("package/l", b"x");
    refused(link.inspect(), "the target of a link");
}

#[test]
fn bad_names_are_refused() {
    for (name, reason) in [
        (&b"/package/a"[..], "an absolute path"),
        (b"/etc/passwd", "an absolute path"),
        (b"package/../a", "'.' or '..'"),
        (b"package/..", "'.' or '..'"),
        (b"../package/a", "'.' or '..'"),
        (b"./package/a", "'.' or '..'"),
        (b"package/./a", "'.' or '..'"),
        (b"package//a", "an empty part"),
        (b"package\\a", "a backslash"),
        (b"package/a\\..\\b", "a backslash"),
        (b"package/a\nb", "a control character"),
        (b"package/a\x7f", "a control character"),
        (b"package/\xc2\x85", "a control character"),
        (b"package/\xff", "not UTF-8"),
        (b"package/c:/package.json", "a drive letter"),
        (b"c:/a", "a drive letter"),
        (b"other/a", "outside of its top-level folder 'package'"),
        (b"a.js", "outside of a folder"),
        (b"", "without a name"),
        (b"package/Package.JSON", "some systems take for"),
        (b"package/package.json. .", "some systems take for"),
        (b"package/package.json::$DATA", "some systems take for"),
    ] {
        refused(Tar::good().raw(name, b'0', 0, b"").inspect(), reason);
        if let Ok(text) = std::str::from_utf8(name) {
            refused(Tar::good().pax(b'x', &[("path", text)]).file("package/x", b"").inspect(), reason);
        }
    }
    let long = format!("package/{}", "a".repeat(4096));
    refused(Tar::good().pax(b'x', &[("path", &long)]).file("x", b"").inspect(), "more than 4096 bytes");
    refused(
        Tar::good().pax(b'x', &[("path", "package/a\0b")]).file("x", b"").inspect(),
        "a control character",
    );
}

#[test]
fn names_fit_together() {
    let twice = Tar::good().file("package/a", b"1").file("package/b", b"").file("package/a", b"2");
    refused(twice.inspect(), "the file 'a' twice");
    refused(Tar::good().file("package/a", b"").folder("package/a/").inspect(), "the file 'a' twice");
    let both = Tar::good().file("package/a/b/c", b"").file("package/a.b", b"").file("package/a/b", b"");
    refused(both.inspect(), "'a/b' both as a file and as a folder");
    refused(Tar::good().file("package/package.json", MANIFEST).inspect(), "two package.json");
    let fine = Tar::good()
        .file("package/a/b", b"")
        .folder("package/a/")
        .folder("package/a")
        .file("package/a.b", b"");
    assert_eq!(fine.inspect().unwrap().file_count, 3);
}

#[test]
fn readers_must_agree_on_sizes() {
    let lie = Tar::good().pax(b'x', &[("size", "0")]).file("package/a", b"abc");
    refused(lie.inspect(), "'package/a' with two different sizes");
    refused(Tar::good().entry("package/d/", b'5', b"abc").inspect(), "a directory 'package/d/' with content");
    refused(Tar::good().entry("package/d/", b'0', b"abc").inspect(), "a directory 'package/d/' with content");
    let hidden =
        Tar::good().pax(b'x', &[("comment", "x\n30 path=package/package.json")]).file("package/a", b"");
    refused(hidden.inspect(), "hides a path or size");
    let twice = Tar::good().pax(b'x', &[("path", "package/a"), ("path", "package/b")]).file("package/a", b"");
    refused(twice.inspect(), "the same record twice");
    let two = Tar::good().pax(b'x', &[("path", "package/a")]).pax(b'x', &[]).file("package/a", b"");
    refused(two.inspect(), "two extension headers");
    let two =
        Tar::good().pax(b'x', &[("path", "package/a")]).entry("l", b'L', b"package/b").file("package/a", b"");
    refused(two.inspect(), "two long names");
    refused(
        Tar::good().pax(b'g', &[("path", "package/a")]).file("package/b", b"").inspect(),
        "a global header",
    );
    refused(Tar::good().pax(b'x', &[("path", "package/a")]).inspect(), "announces a file");
    refused(
        Tar::good().entry("x", b'x', b"12 nonsense").file("package/a", b"").inspect(),
        "a damaged pax header",
    );
    refused(
        Tar::good().entry("x", b'x', b"5 a=b\n\0\0").file("package/a", b"").inspect(),
        "a damaged pax header",
    );
    let huge = Tar::good().raw(b"x", b'L', 1 << 30, b"");
    refused(huge.inspect(), "an extension header over the limit");
    let mut binary = Tar::good().file("package/a", b"");
    let header = Header::from_byte_slice(&binary.0[1024..1536]).clone();
    let mut header = header;
    header.as_old_mut().size = [0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    header.set_cksum();
    binary.0.splice(1024..1536, header.as_bytes().iter().copied());
    refused(binary.inspect(), "a header whose size cannot be read");
}

#[test]
fn the_file_must_be_whole_and_nothing_more() {
    let inspect = |bytes: &[u8]| inspect(bytes, TarballLimits::default());
    let tar = Tar::good().file("package/a", &[7; 5000]).end();
    let good = gzip(&tar);
    assert!(inspect(&good).is_ok());
    for bytes in [&b""[..], b"PK\x03\x04", b"{}", &tar, b"\x1f"] {
        assert!(inspect(bytes).is_err());
    }
    refused(inspect(b"PK\x03\x04"), "a .tgz as 'npm pack' writes it is expected");
    refused(inspect(b""), "is expected");
    for length in [1, 2, 9, 15, good.len() / 2, good.len() - 8, good.len() - 1] {
        refused(inspect(&good[..length]), "is cut short");
    }
    refused(inspect(&gzip(&tar[..tar.len() - 1024])), "is cut short");
    refused(inspect(&gzip(&tar[..3000])), "is cut short");
    refused(inspect(&gzip(b"hello")), "is cut short");
    refused(inspect(&gzip(&[7; 512])), "no tar file");
    refused(inspect(&gzip(b"")), "is cut short");
    refused(inspect(&[&good[..], b"garbage after the end"].concat()), "followed by something");
    refused(inspect(&[&good[..], &gzip(b"x")].concat()), "goes on after its end marker");
    let after = Tar(tar.clone()).file("package/late.js", b"");
    refused(inspect(&gzip(&after.0)), "goes on after its end marker");
    let padded = [&tar[..], &[0; 9216]].concat();
    assert!(inspect(&gzip(&padded)).is_ok());
    let mut damaged = good.clone();
    let crc = damaged.len() - 8;
    damaged[crc] ^= 1;
    refused(inspect(&damaged), "is damaged");
    let mut old = Tar::good();
    let mut header = Header::new_old();
    header.as_old_mut().name[..9].copy_from_slice(b"package/a");
    header.set_size(0);
    header.set_cksum();
    old.0.extend_from_slice(header.as_bytes());
    refused(old.inspect(), "neither of the ustar nor of the GNU format");
}

#[test]
fn the_manifest_must_be_usable() {
    let manifest = |bytes: &[u8]| Tar::default().file("package/package.json", bytes).inspect();
    refused(Tar::default().file("package/a", b"").inspect(), "no package.json");
    refused(Tar::default().file("package/sub/package.json", MANIFEST).inspect(), "no package.json");
    refused(Tar::default().inspect(), "no package.json");
    refused(manifest(b"[]"), "must be a JSON object");
    refused(manifest(b"{"), "unusable package.json: invalid JSON: the document ends too early");
    refused(manifest(br#"{"name":"n","name":"m","version":"1.0.0"}"#), "the key 'name' twice");
    refused(manifest(br#"{"version":"1.0.0"}"#), "'name' must be a string");
    refused(manifest(br#"{"name":"n","version":1}"#), "'version' must be a string");
    refused(manifest(&b" ".repeat(1_048_577)), "package.json over the limit of 1048576 bytes");
}

#[test]
fn bombs_do_not_go_off() {
    let small =
        TarballLimits { entries: 3, unpacked: 1 << 20, ratio: 100, ratio_from: 1 << 19, manifest: 100 };
    let inspect = |tar: Tar| inspect(gzip(&tar.end()).as_slice(), small);
    assert!(inspect(Tar::good().folder("package/a").folder("package/b")).is_ok());
    refused(
        inspect(Tar::good().folder("package/a").folder("package/b").folder("package/c")),
        "more than 3 entries",
    );
    let globals = Tar::good().pax(b'g', &[]).pax(b'g', &[]).pax(b'g', &[]);
    refused(inspect(globals), "more than 3 entries");
    refused(inspect(Tar::good().raw(b"package/a", b'0', 1 << 30, b"")), "more than 1048576 bytes");
    let noise: Vec<u8> = (0..600_000_u32)
        .map(|index| u8::try_from(index.wrapping_mul(2_654_435_761) >> 24).unwrap())
        .collect();
    assert!(inspect(Tar::good().file("package/a", &noise[..400_000])).is_ok());
    refused(
        inspect(Tar::good().file("package/a", &noise).file("package/b", &noise)),
        "more than 1048576 bytes",
    );
    refused(inspect(Tar::good().file("package/a", &vec![0; 900_000])), "more than 100 times its size");
    let mut zeros = Tar::good();
    zeros.0.extend_from_slice(&vec![0; 900_000]);
    refused(inspect(zeros), "more than 100 times its size");
}

#[test]
fn a_failing_reader_is_not_the_clients_fault() {
    struct Failing(usize);
    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let bytes = gzip(&Tar::good().end());
            if self.0 > 0 {
                return Err(std::io::Error::other("disk"));
            }
            self.0 = 10;
            buffer[..10].copy_from_slice(&bytes[..10]);
            Ok(10)
        }
    }
    assert!(matches!(inspect(Failing(0), TarballLimits::default()), Err(Error::Internal(_))));
    assert!(matches!(inspect(Failing(1), TarballLimits::default()), Err(Error::Internal(_))));
}
