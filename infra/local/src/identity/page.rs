//! The page that asks who signs in.

/// The page. `hidden` is what the form sends along; `problem` is shown above it.
pub(crate) fn sign_in(hidden: &[(&str, &str)], problem: Option<&str>) -> String {
    let mut fields = String::new();
    for (name, value) in hidden {
        fields.extend([
            "<input type=\"hidden\" name=\"",
            &escape(name),
            "\" value=\"",
            &escape(value),
            "\">\n",
        ]);
    }
    let problem = problem.map(|text| format!(r#"<p role="alert">{}</p>"#, escape(text))).unwrap_or_default();
    format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in to Granary</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 22rem; margin: 15vh auto; padding: 0 1rem; color-scheme: light dark; }}
label {{ display: block; margin: 1rem 0 .25rem; }}
input {{ width: 100%; box-sizing: border-box; font: inherit; padding: .5rem; }}
button {{ margin-top: 1.5rem; font: inherit; padding: .5rem 1.5rem; }}
[role=alert] {{ color: #c62828; }}
</style>
</head>
<body>
<h1>Sign in to Granary</h1>
<p>This registry runs on your machine and believes you. Administrators sign in as <code>admin</code>.</p>
{problem}
<form method="post" action="authorize">
{fields}
<label for="sub">User id</label>
<input id="sub" name="sub" value="admin" required autofocus autocomplete="username">
<label for="name">Name</label>
<input id="name" name="name" autocomplete="name">
<label for="email">E-mail address</label>
<input id="email" name="email" type="email" autocomplete="email">
<button type="submit">Sign in</button>
</form>
</body>
</html>
"#
    )
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_the_address_cannot_become_markup() {
        let page = sign_in(&[("state", "\"><script>alert('x')</script>")], Some("<b>"));
        assert!(!page.contains("<script>") && !page.contains("<b>"), "{page}");
        assert!(page.contains("&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)"), "{page}");
    }
}
