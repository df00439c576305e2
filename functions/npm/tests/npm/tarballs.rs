//! Downloading tarballs: in place and by redirect.

use granary_testing::npm::NpmPackage;

use super::support::{at, packument, private, publish};

/// Bytes that do not compress.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            u8::try_from(state >> 56).unwrap()
        })
        .collect()
}

fn small() -> NpmPackage {
    NpmPackage::new("@acme/pad", "1.0.0").file("bin.dat", &noise(200_000))
}

fn large() -> NpmPackage {
    NpmPackage::new("@acme/pad", "2.0.0").file("bin.dat", &noise(300_000))
}

/// Every form of address under which clients fetch a tarball.
fn addresses(version: &str) -> Vec<String> {
    let file = format!("pad-{version}.tgz");
    vec![
        at(&format!("-/tarball/%40acme%2Fpad/{version}")),
        at(&format!("-/tarball/@acme/pad/{version}")),
        at(&format!("@acme/pad/-/{file}")),
        at(&format!("@acme%2fpad/-/{file}")),
        at(&format!("@acme%2Fpad/-/{file}")),
        at(&format!("%40acme%2fpad/-/{file}")),
        at(&format!("@acme/pad/-/@acme/{file}")),
        at(&format!("@acme%2fpad/-/@acme%2f{file}")),
    ]
}

#[tokio::test]
async fn a_small_tarball_comes_at_once_and_byte_for_byte() {
    let (_app, ann) = private().await;
    publish(&ann, &small()).await;
    let tarball = small().tarball();
    assert!(tarball.len() <= 256 * 1024);
    for path in addresses("1.0.0") {
        let response = ann.get_with(&path, &[("accept-encoding", "gzip,deflate")]).await;
        assert_eq!(response.status, 200, "{path}: {}", response.text());
        assert_eq!(response.body.to_vec(), tarball, "{path}");
        assert_eq!(response.header("content-type"), "application/octet-stream");
        assert_eq!(response.header("content-encoding"), "", "npm and Yarn 1 would unpack it twice");
        assert_eq!(response.header("content-length"), tarball.len().to_string());
        let head = ann.head(&path).await;
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(head.header("content-length"), tarball.len().to_string());
    }
}

#[tokio::test]
async fn the_border_between_both_ways_is_at_256_kib() {
    let (_app, ann) = private().await;
    let overhead =
        NpmPackage::new("edge", "1.0.0").file("bin.dat", &noise(250_000)).tarball().len() - 250_000;
    let limit = 256 * 1024;
    // Noise is stored as it is, so the length of the tarball grows by exactly what is added to the file,
    // up to the tar format's padding, which compresses to almost nothing.
    for (version, below) in [("1.0.0", true), ("2.0.0", false)] {
        let mut size = limit - overhead - 300;
        let package = loop {
            let package = NpmPackage::new("edge", version).file("bin.dat", &noise(size));
            let next = NpmPackage::new("edge", version).file("bin.dat", &noise(size + 16));
            if next.tarball().len() > limit {
                break if below { package } else { next };
            }
            size += 16;
        };
        publish(&ann, &package).await;
        let response = ann.get(&at(&format!("edge/-/edge-{version}.tgz"))).await;
        assert_eq!(response.status, if below { 200 } else { 302 }, "{} bytes", package.tarball().len());
    }
}

#[tokio::test]
async fn a_large_tarball_is_a_redirect_to_another_host_that_gives_the_same_bytes() {
    let (_app, ann) = private().await;
    publish(&ann, &large()).await;
    let tarball = large().tarball();
    assert!(tarball.len() > 256 * 1024);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for path in addresses("2.0.0") {
        let response = ann.get(&path).await;
        assert_eq!((response.status, response.body.len()), (302, 0), "{path}");
        assert_eq!(response.header("cache-control"), "no-store", "the address expires");
        let location = response.header("location").to_owned();
        // npm keeps its token on a redirect to the same host name, whatever the port, and S3 refuses that.
        assert!(location.starts_with("http://127.0.0.1:"), "{location}");
        assert!(!location.contains(ann.secret()) && location.contains("X-Amz-Expires=300"), "{location}");
        let signed = location.split(['?', '&']).find(|pair| pair.starts_with("X-Amz-SignedHeaders"));
        assert_eq!(signed, Some("X-Amz-SignedHeaders=host"), "clients add headers of their own");
    }
    let location = ann.get(&addresses("2.0.0")[0]).await.header("location").to_owned();
    let fetched = client
        .get(&location)
        .header("referer", "http://localhost/")
        .header("accept", "*/*")
        .send()
        .await
        .unwrap();
    assert_eq!(fetched.status().as_u16(), 200);
    assert_eq!(fetched.headers()["content-type"], "application/octet-stream");
    assert!(fetched.headers().get("content-encoding").is_none());
    assert_eq!(fetched.bytes().await.unwrap().to_vec(), tarball);
    let both = client.get(&location).bearer_auth(ann.secret()).send().await.unwrap();
    assert_eq!(both.status().as_u16(), 400, "as S3 answers a request that carries two credentials");
    let altered = client.get(location.replace("blobs/sha256", "documents")).send().await.unwrap();
    assert_eq!(altered.status().as_u16(), 403, "the signature is for one object");
    let head = ann.head(&addresses("2.0.0")[0]).await;
    assert_eq!((head.status, head.header("content-length")), (200, tarball.len().to_string().as_str()));
}

#[tokio::test]
async fn the_address_in_the_packument_is_the_one_that_works() {
    let (_app, ann) = private().await;
    publish(&ann, &small()).await;
    publish(&ann, &large()).await;
    let document = packument(&ann, "@acme%2fpad").await;
    for (version, status) in [("1.0.0", 200), ("2.0.0", 302)] {
        let address = document["versions"][version]["dist"]["tarball"].as_str().unwrap();
        let path = address.strip_prefix(granary_testing::PUBLIC_URL).unwrap();
        assert_eq!(ann.get(path).await.status, status, "{address}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_404() {
    let (_app, ann) = private().await;
    publish(&ann, &NpmPackage::new("pad", "1.0.0")).await;
    publish(&ann, &NpmPackage::new("@acme/pad", "1.0.0")).await;
    for path in [
        "pad/-/pad-9.9.9.tgz",
        "pad/-/other-1.0.0.tgz",
        "pad/-/pad-1.0.0.zip",
        "pad/-/pad-latest.tgz",
        "pad/-/pad-1.0.0",
        "pad/-/Pad-1.0.0.tgz",
        "PAD/-/PAD-1.0.0.tgz",
        "unknown/-/unknown-1.0.0.tgz",
        "@acme/pad/-/acme-pad-1.0.0.tgz",
        "@other/pad/-/pad-1.0.0.tgz",
        "-/tarball/pad/9.9.9",
        "-/tarball/unknown/1.0.0",
    ] {
        for response in [ann.get(&at(path)).await, ann.head(&at(path)).await] {
            assert_eq!(response.status, 404, "{path}: {}", response.text());
        }
        assert!(!ann.get(&at(path)).await.error().is_empty(), "{path}");
    }
}

#[tokio::test]
async fn a_deleted_version_is_gone_from_every_address_although_memory_has_its_bytes() {
    let (_app, ann) = private().await;
    publish(&ann, &NpmPackage::new("pad", "1.0.0")).await;
    publish(&ann, &NpmPackage::new("pad", "1.1.0")).await;
    assert_eq!(ann.get(&at("pad/-/pad-1.0.0.tgz")).await.status, 200, "now in memory");
    assert_eq!(ann.delete(&at("pad/-/pad-1.0.0.tgz/-rev/1-x")).await.status, 200);
    for path in ["pad/-/pad-1.0.0.tgz", "-/tarball/pad/1.0.0", "pad/1.0.0"] {
        assert_eq!(ann.get(&at(path)).await.status, 404, "{path}");
    }
    assert_eq!(ann.get(&at("pad/-/pad-1.1.0.tgz")).await.status, 200);
}
