//! What a head shows of a package from another registry.

use granary_model::Timestamp;
use granary_storage::rows::HeadRow;
use serde_json::{Map, Value};

use super::ForeignPackument;
use crate::npm::summary::Summary;
use crate::policy::Policy;

/// Makes a head that of the versions that are let in at a moment by these rules: tags, texts, counts, and when that changes by
/// itself.
pub fn show(head: &mut HeadRow, packument: &ForeignPackument<'_>, policy: &Policy, now: Timestamp) {
    if let Some(upstream) = head.upstream.as_deref_mut() {
        upstream.as_of = now.millis();
        upstream.next_at = packument.index.next_at(policy, now).map(Timestamp::millis);
        upstream.policy = policy.fingerprint();
    }
    let seen = packument.index.seen(head, policy);
    head.versions = seen.versions.len() as u64;
    head.complete = head.versions;
    // There may be thousands of others, and every request reads the head.
    head.tags = seen.tags.into_iter().filter(|(tag, _)| tag == "latest").collect();
    let manifest = head.latest().and_then(|latest| packument.manifest(latest));
    let manifest: Option<Map<String, Value>> = manifest.and_then(|raw| serde_json::from_str(raw.get()).ok());
    let summary = manifest.as_ref().map(Summary::of).unwrap_or_default();
    summary.show_in(head);
    if head.description.is_none() {
        head.description =
            packument.text("description").map(|text| crate::head_edit::listed_description(&text));
    }
}
