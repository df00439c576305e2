//! The limit of a licence as requests say it.

use granary_http::{Fields, shown};
use granary_model::{Error, Result, Timestamp};
use granary_storage::rows::{LicenceConstraint, OnExpiry};
use serde_json::Value;

/// The last millisecond of the year 9999, after which moments have no text.
const LAST_MOMENT: i64 = 253_402_300_799_999;

/// Reads `constraint`. Whether the range of versions is one depends on the packages: see [`crate::names`].
pub(crate) fn constraint(fields: &Fields) -> Result<LicenceConstraint> {
    let inner = Fields::required("constraint", fields.object("constraint")?)?;
    tagged(&inner).map_err(|error| match error {
        Error::BadRequest(text) => Error::BadRequest(format!("constraint: {text}")),
        other => other,
    })
}

fn tagged(inner: &Fields) -> Result<LicenceConstraint> {
    inner.only(&["type", "value"])?;
    match Fields::required("type", inner.text("type")?)? {
        "none" if inner.json::<Value>("value")?.is_some() => {
            Err(Error::BadRequest("the type 'none' has no 'value'".into()))
        }
        "none" => Ok(LicenceConstraint::None),
        "date" => {
            let value: Value = Fields::required("value", inner.json("value")?)?;
            let millis = value.as_i64().filter(|millis| (0..=LAST_MOMENT).contains(millis));
            millis.map(|millis| LicenceConstraint::Date(Timestamp::from_millis(millis))).ok_or_else(|| {
                Error::BadRequest(format!(
                    "the field 'value' must be a moment in milliseconds since 1970: an integer from 0 to {LAST_MOMENT}"
                ))
            })
        }
        "version" => {
            let text = Fields::required("value", inner.text("value")?)?;
            Ok(LicenceConstraint::Version(text.trim().to_owned()))
        }
        other => Err(Error::BadRequest(format!(
            "the type '{}' is unknown; the field 'type' is one of none, date, version",
            shown(other)
        ))),
    }
}

/// Reads `onExpiry`. It is kept with every constraint, and matters for dates.
pub(crate) fn on_expiry(fields: &Fields) -> Result<OnExpiry> {
    Ok(match fields.text("onExpiry")? {
        None | Some("revoke") => OnExpiry::Revoke,
        Some("restrict") => OnExpiry::Restrict,
        Some("maintain") => OnExpiry::Maintain,
        Some("allow") => OnExpiry::Allow,
        Some(other) => {
            return Err(Error::BadRequest(format!(
                "the field 'onExpiry' is one of revoke, restrict, maintain, allow, not '{}'",
                shown(other)
            )));
        }
    })
}
