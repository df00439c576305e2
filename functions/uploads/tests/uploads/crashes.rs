//! A failure at every storage call of a completion: published once, whole, or not at all yet.

use granary_testing::probe::{Fault, Target};

use crate::support::{begin, complete, path, private, raw, send_all, staged, usage};

#[tokio::test]
async fn whatever_fails_the_upload_is_published_exactly_once() {
    let files: [(&str, &[u8]); 2] = [("f", b"bytes"), ("g", b"more bytes")];
    for fault in [Fault::Refuse, Fault::LoseAnswer] {
        for nth in 1..=20 {
            let (app, ann) = private().await;
            let upload = begin(&ann, &raw("tool", "1.0", &files)).await;
            send_all(&upload, &files).await;
            app.probe.reset();
            app.probe.inject(Target::any(nth), fault);
            let first = complete(&ann, &upload).await;
            app.probe.reset();
            assert!(matches!(first.status, 201 | 202 | 503), "{fault:?} {nth}: {}", first.text());
            let visible = ann.get("/api/raw/files/tool/1.0").await;
            if first.status == 201 {
                assert_eq!(visible.json()["files"].as_array().unwrap().len(), 2, "{fault:?} {nth}");
            }
            // The client asks again, and the sweep finishes what a request has left.
            let _second = complete(&ann, &upload).await;
            app.clock.advance_millis(3 * 60_000);
            granary_events::sweep(app.state(), true).await.unwrap();
            app.settle().await;
            let last = complete(&ann, &upload).await;
            assert_eq!(last.status, 201, "{fault:?} {nth}: {}", last.text());
            for (name, bytes) in files {
                let file = ann.get(&format!("/api/raw/files/tool/1.0/{name}")).await;
                assert_eq!(file.body.as_ref(), bytes, "{fault:?} {nth}");
            }
            assert_eq!(usage(&app).await, (15, 1, 1), "{fault:?} {nth}");
            let audit = app.audit("repo:files").await;
            let published = audit.iter().filter(|row| row["action"] == "package.publish").count();
            assert_eq!(published, 1, "{fault:?} {nth}");
            assert_eq!(ann.get(&path(&upload)).await.json()["upload"]["status"], "completed");
            granary_events::sweep_uploads(app.state()).await.unwrap();
            assert_eq!(staged(&app).await, Vec::<String>::new(), "{fault:?} {nth}");
        }
    }
}
