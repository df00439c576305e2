//! Uploads that nobody finishes leave nothing.

use crate::support::{begin, complete, path, private, raw, send_all, staged, usage};

const DAY: i64 = 24 * 3_600_000;

#[tokio::test]
async fn after_a_day_it_is_over() {
    let (app, ann) = private().await;
    let large = vec![1; 70_000_000];
    let files: [(&str, &[u8]); 2] = [("f", b"bytes"), ("large", &large)];
    let upload = begin(&ann, &raw("tool", "1.0", &files)).await;
    assert_eq!(upload["expiresAt"], "2026-09-22T14:13:20.000Z");
    send_all(&upload, &files[..1]).await;
    let part = &upload["files"][1]["parts"][0];
    assert_eq!(crate::support::send(part, &large[..16 * 1024 * 1024]).await, 200);
    app.clock.advance_millis(DAY - 1_000);
    assert_eq!(ann.get(&path(&upload)).await.status, 200);
    assert_eq!(granary_events::sweep_uploads(app.state()).await.unwrap(), 0);
    app.clock.advance_millis(1_000);
    assert_eq!(ann.get(&path(&upload)).await.status, 404);
    assert_eq!(complete(&ann, &upload).await.status, 404);
    assert_eq!(granary_events::sweep_uploads(app.state()).await.unwrap(), 2);
    assert_eq!(staged(&app).await, Vec::<String>::new());
    assert_eq!(app.state().storage().list_multiparts(None).await.unwrap().0, []);
    assert_eq!(usage(&app).await, (0, 0, 0));
}
