//! Files of `key=value` lines: `.npmrc` and `gradle.properties`.

/// Sets keys and leaves every other line as it is. A key that stands there several times keeps its last place,
/// which is the one that counts; the others go.
pub(super) fn set(text: &str, settings: &[(String, String)]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for (key, value) in settings {
        let wanted = format!("{key}={value}");
        let last = lines.iter().rposition(|line| key_of(line) == Some(key));
        match last.and_then(|at| lines.get_mut(at)) {
            Some(line) => *line = wanted,
            None => lines.push(wanted),
        }
        if let Some(last) = last {
            let mut at = 0;
            lines.retain(|line| {
                at += 1;
                at - 1 == last || key_of(line) != Some(key)
            });
        }
    }
    let mut after = lines.join("\n");
    after.push('\n');
    after
}

fn key_of(line: &str) -> Option<&str> {
    let line = line.trim_start();
    if line.starts_with(['#', ';', '!']) {
        return None;
    }
    line.split_once('=').map(|(key, _)| key.trim())
}

/// Settings as lines.
pub(super) fn text(settings: &[(String, String)]) -> String {
    settings.iter().flat_map(|(key, value)| [key.as_str(), "=", value.as_str(), "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(key: &str, value: &str) -> Vec<(String, String)> {
        vec![(key.to_owned(), value.to_owned())]
    }

    #[test]
    fn other_lines_stay_and_a_second_time_changes_nothing() {
        let before = "# registry=x\nregistry = a\nother=1\n\nregistry=b";
        let after = set(before, &one("registry", "c"));
        assert_eq!(after, "# registry=x\nother=1\n\nregistry=c\n");
        assert_eq!(set(&after, &one("registry", "c")), after);
        assert_eq!(set("", &one("a", "b")), "a=b\n");
        assert_eq!(set("x=1\n", &one("a", "b")), "x=1\na=b\n");
    }
}
