//! Numbers, moments and names as people read them.

use std::borrow::Cow;

/// A size: `1.5 MB`, in powers of 1000 as package managers count.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let (mut tenths, mut unit) = (bytes / 100, 0);
    while tenths >= 9995 && unit + 1 < UNITS.len() {
        tenths = (tenths + 500) / 1000;
        unit += 1;
    }
    let unit = UNITS.get(unit).copied().unwrap_or("TB");
    if tenths >= 1000 || tenths % 10 == 0 {
        return format!("{} {unit}", tenths / 10);
    }
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// A number with a noun: `1 version`, `3 versions`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    if number == 1 {
        return format!("1 {noun}");
    }
    match noun.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'i', 'o', 'u'])) {
        Some(stem) => format!("{number} {stem}ies"),
        None => format!("{number} {noun}s"),
    }
}

/// The day of a moment as the interface writes it: `2026-11-30` of `2026-11-30T10:00:00.000Z`.
pub(crate) fn day(moment: &str) -> &str {
    moment.get(..10).unwrap_or(moment)
}

/// A moment to the minute: `2026-11-30 10:00 UTC`.
pub(crate) fn minute(moment: &str) -> String {
    match (moment.get(..10), moment.get(11..16)) {
        (Some(day), Some(time)) => format!("{day} {time} UTC"),
        _ => moment.to_owned(),
    }
}

/// Longest text of somebody else's that stands in a row or a heading, in characters.
const SHORT: usize = 60;

/// A name as pages show it: at most 60 characters, with an ellipsis in the place of the rest. An identity provider may give
/// names of hundreds of characters.
pub(crate) fn short(text: &str) -> Cow<'_, str> {
    if text.chars().nth(SHORT).is_none() {
        return text.into();
    }
    text.chars().take(SHORT - 1).chain(['…']).collect::<String>().into()
}

/// The beginning of a text: so many characters, and an ellipsis where there are more.
pub(crate) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_between_characters() {
        let name = "é".repeat(60);
        assert_eq!(short(&name), name);
        let cut = short(&"é".repeat(500)).into_owned();
        assert_eq!((cut.chars().count(), cut.ends_with("é…")), (60, true));
        assert_eq!(short(""), "");
    }

    #[test]
    fn sizes_and_counts_read_well() {
        let sizes = [0, 999, 1000, 1500, 99_950, 999_400, 999_950, 1_000_000, 5_000_000_000].map(size);
        assert_eq!(
            sizes,
            ["0 B", "999 B", "1 kB", "1.5 kB", "99.9 kB", "999 kB", "1 MB", "1 MB", "5 GB"]
                .map(str::to_owned)
        );
        assert_eq!(
            [count(0, "version"), count(1, "version"), count(2, "repository"), count(2, "day")],
            ["0 versions", "1 version", "2 repositories", "2 days"]
        );
    }

    #[test]
    fn moments_read_well() {
        assert_eq!(day("2026-11-30T10:12:13.000Z"), "2026-11-30");
        assert_eq!(minute("2026-11-30T10:12:13.000Z"), "2026-11-30 10:12 UTC");
        assert_eq!((day("x"), minute("x").as_str()), ("x", "x"));
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!([cut("äöü", 3), cut("äöü", 2)], ["äöü", "äö…"]);
    }
}
