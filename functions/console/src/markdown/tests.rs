//! READMEs that want something else than to be read.

use std::fmt::Write as _;

use super::*;

fn html(source: &str) -> String {
    render(source, false).html
}

#[test]
fn ordinary_readmes_look_as_they_should() {
    let cases = [
        ("# One\n\n## Two\n\n###### Six", "<h2>One</h2>\n<h3>Two</h3>\n<h6>Six</h6>\n"),
        ("*a* **b** ~~c~~ `d<`", "<p><em>a</em> <strong>b</strong> <del>c</del> <code>d&lt;</code></p>\n"),
        ("- [ ] a\n- [x] b", "<ul>\n<li>☐ a</li>\n<li>☑ b</li>\n</ul>\n"),
        (
            "[a](https://example.com/?a=1&b=2 \"t\")",
            "<p><a href=\"https://example.com/?a=1&amp;b=2\" title=\"t\" rel=\"nofollow noopener noreferrer\">a</a></p>\n",
        ),
        (
            "<one@example.com>",
            "<p><a href=\"mailto:one@example.com\" rel=\"nofollow noopener noreferrer\">one@example.com</a></p>\n",
        ),
        ("[a](docs/b.md) [c](#d) [e](//f.example)", "<p>a c e</p>\n"),
        ("3. a", "<ol start=\"3\">\n<li>a</li>\n</ol>\n"),
        ("```js\na < b\n```", "<pre tabindex=\"0\"><code>a &lt; b\n</code></pre>\n"),
        ("a[^1]\n\n[^1]: b", "<p>a^1</p>\n"),
        ("a<br>b <kbd>c</kbd>", "<p>a<br>\nb <kbd>c</kbd></p>\n"),
        (
            "<details>\n<summary>More</summary>\n\n**b**\n\n</details>\n\nc",
            "<details>\n<summary>More</summary>\n<p><strong>b</strong></p>\n</details>\n<p>c</p>\n",
        ),
        ("<h1 align=center>T</h1>", "<h2>T</h2>"),
        ("a <b>b\n\nc", "<p>a <b>b</b></p>\n<p>c</p>\n"),
    ];
    for (source, expected) in cases {
        assert_eq!(html(source), expected, "{source}");
    }
    let table = html("| a | b |\n|---|--:|\n| 1 | 2 |");
    assert!(
        table.starts_with("<table tabindex=\"0\"><thead><tr><th>a</th>") && !table.contains("style"),
        "{table}"
    );
}

#[test]
fn images_are_links_and_never_loaded() {
    let cases = [
        (
            "![a *b*](https://x.example/i.png)",
            "<p><a href=\"https://x.example/i.png\" rel=\"nofollow noopener noreferrer\">Image: a <em>b</em></a></p>\n",
        ),
        (
            "![a](i.png) ![b](http://x.example/i) ![c](data:image/png;base64,AA)",
            "<p>Image: a Image: b Image: c</p>\n",
        ),
        (
            "[![badge](https://x.example/b.svg)](https://ci.example)",
            "<p><a href=\"https://ci.example\" rel=\"nofollow noopener noreferrer\">Image: badge</a></p>\n",
        ),
        (
            "<img src=\"https://x.example/i.png\" alt='a \"b\" <i>' onerror=alert(1)>",
            "<a href=\"https://x.example/i.png\" rel=\"nofollow noopener noreferrer\">Image: a \"b\" &lt;i&gt;</a>",
        ),
        ("<img src=x onerror=alert(1)>", "Image: "),
        (
            "![![x](https://a.example)](https://b.example)",
            "<p><a href=\"https://b.example\" rel=\"nofollow noopener noreferrer\">Image: Image: x</a></p>\n",
        ),
    ];
    for (source, expected) in cases {
        assert_eq!(html(source), expected, "{source}");
    }
}

/// What has no place in a rendered README, whatever it was made of. Text may say all of this: it is escaped there.
fn check_harmless(source: &str, html: &str) {
    let document = scraper::Html::parse_fragment(html);
    for node in document.tree.nodes() {
        let Some(element) = node.value().as_element() else { continue };
        let name = element.name();
        assert!(
            ["html", "body"].contains(&name)
                || INLINE.contains(&name)
                || BLOCK.contains(&name)
                || VOID.contains(&name),
            "<{name}> out of {source}: {html}"
        );
        for (attribute, value) in element.attrs() {
            match attribute {
                "href" => {
                    let is_web =
                        ["http://", "https://", "mailto:"].iter().any(|scheme| begins(value, scheme));
                    assert!(is_web, "{value} out of {source}: {html}");
                    assert_eq!(element.attr("rel"), Some("nofollow noopener noreferrer"), "{source}: {html}");
                }
                "title" | "rel" => assert_eq!(name, "a", "{source}: {html}"),
                "start" => assert_eq!(name, "ol"),
                "tabindex" => assert_eq!(value, "0"),
                other => panic!("{other} out of {source}: {html}"),
            }
        }
    }
}

fn begins(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
}

#[test]
fn nothing_of_it_runs() {
    let sources = [
        "<script>alert(1)</script>",
        "a <script>alert(1)</script> b",
        "<SCRIPT SRC=//x.example/a.js></SCRIPT>",
        "<scr<script>ipt>alert(1)</script>",
        "<<script>alert(1)//<</script>",
        "<img src=x onerror=alert(1)>",
        "<b onclick=alert(1) onmouseover='alert(1)' style='x:expression(alert(1))' id=a class=b>x</b>",
        "<body onload=alert(1)>",
        "<svg onload=alert(1)><script>alert(1)</script></svg>",
        "<svg><a xlink:href=\"javascript:alert(1)\"><text>x</text></a></svg>",
        "<svg><animate onbegin=alert(1) attributeName=x></svg>",
        "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
        "<math><mtext><table><mglyph><style><math href=javascript:alert(1)>x",
        "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
        "<svg></p><style><a title=\"</style><img src onerror=alert(1)>\">",
        "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
        "<textarea><img title=\"</textarea><img src onerror=alert(1)>\"></textarea>",
        "<table><td background=\"javascript:alert(1)\">",
        "<base href=\"https://x.example/\">",
        "<meta http-equiv=refresh content=\"0;url=https://x.example\">",
        "<link rel=stylesheet href=https://x.example/a.css>",
        "<style>body{display:none}</style><div style=\"position:fixed;inset:0\">x</div>",
        "<style>@import 'https://x.example';",
        "<iframe src=https://x.example></iframe><object data=x></object><embed src=x>",
        "<form action=https://x.example><input name=password><button formaction=javascript:alert(1)>x</button></form>",
        "<a href=\"javascript:alert(1)\">x</a>",
        "<a href='java&#115;cript:alert(1)'>x</a>",
        "<a href='java&Tab;script&colon;alert(1)'>x</a>",
        "<a href=\" &#14; javascript:alert(1)\">x</a>",
        "<a href=\"jav\tascript:alert(1)\">x</a>",
        "<a href=\"jav\nascript:alert(1)\">x</a>",
        "<a href=\"jAvAsCrIpT:alert(1)\">x</a>",
        "<a href=\"\u{1}javascript:alert(1)\">x</a>",
        "<a href=\"vbscript:x\">x</a><a href=\"data:text/html,<script>alert(1)</script>\">x</a>",
        "<a href=\"blob:https://x.example/1\">x</a><a href=\"file:///etc/passwd\">x</a><a href=\"//x.example\">x</a>",
        "<a href=\"https://x.example\" target=_blank rel=opener ping=https://y.example download>x</a>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](javascript&colon;alert(1))",
        "[x](java&#x0A;script:alert(1))",
        "[x](&#106;avascript:alert(1))",
        "[x](<java\tscript:alert(1)>)",
        "[x](ｊavascript:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "[x](vbscript:msgbox)",
        "<javascript:alert(1)>",
        "[x]: javascript:alert(1)\n\n[x] [a][x] ![b][x]",
        "![x](javascript:alert(1))",
        "![\"><script>alert(1)</script>](https://x.example/\"onerror=alert(1))",
        "![a [b](javascript:alert(1))](https://x.example)",
        "[a](https://x.example \"t\\\" onclick=alert(1)\")",
        "[a](https://x.example 't\"><img src=x onerror=alert(1)>')",
        "[^<script>]: <script>alert(1)</script>\n\nx[^<script>]",
        "[^1]\n\n[^1]: [x](javascript:alert(1))",
        "``` \"><script>alert(1)</script>\nx\n```",
        "| a |\n|---|\n| <img src=x onerror=alert(1)> |",
        "# <script>alert(1)</script> {#id .class onclick=x}",
        "<!-- --!><img src=x onerror=alert(1)> -->",
        "<!--><img src=x onerror=alert(1)>-->",
        "<![CDATA[<img src=x onerror=alert(1)>]]>",
        "<?php <img src=x onerror=alert(1)> ?>",
        "<a title='\">&lt;img src=x onerror=alert(1)>' href=https://x.example>x</a>",
        "<a/href=\"javascript:alert(1)\"/onclick=alert(1)>x</a>",
        "<a\u{c}href=javascript:alert(1)>x</a>",
        "<p/onmouseover=alert(1)>x",
        "<x onclick=alert(1)>y</x><custom-element is=z>",
        "<details open ontoggle=alert(1)><summary>x</summary></details>",
        "<xmp><p title=\"</xmp><img src onerror=alert(1)>\">",
        "<select><style></select><img src=x onerror=alert(1)></style>",
        "<plaintext><img src=x onerror=alert(1)>",
        "\u{202e}<b>x\u{0}<script\u{0}>alert(1)</script>",
    ];
    for source in sources {
        for around in ["", "- ", "> ", "## ", "text\n\n", "a **b** "] {
            let source = format!("{around}{source}");
            for whole in [false, true] {
                check_harmless(&source, &render(&source, whole).html);
            }
        }
    }
    // All of them after one another, where one may be open while the next one begins.
    let all = sources.join("\n\n");
    check_harmless("all of them", &html(&all));
}

#[test]
fn headings_of_the_first_level_are_the_pages_own() {
    for source in ["# a", "a\n=", "<h1>a</h1>", "<H1 id=x>a", "- # a", "> <h1>a"] {
        let html = html(source);
        assert!(html.contains("<h2>a"), "{source}: {html}");
        assert!(!html.contains("h1"), "{source}: {html}");
    }
}

#[test]
fn what_is_made_to_grow_or_to_nest_stays_within_its_limits() {
    let most = 100_000;
    let mut wide = "|a".repeat(2_000);
    let _ = write!(wide, "|\n{}|\n{}", "|-".repeat(2_000), "|\n".repeat(40_000));
    let nested: String = (0..400).fold(String::new(), |mut text, depth| {
        let _ = writeln!(text, "{}- a", "  ".repeat(depth));
        text
    });
    let cases = [
        ("quotes", ">".repeat(most)),
        ("quotes with spaces", "> ".repeat(most)),
        ("brackets", "[".repeat(most)),
        ("closing brackets", "[a](".repeat(most / 4)),
        ("images", "![".repeat(most / 2)),
        ("stars", "*".repeat(most)),
        ("emphasis", "*a **b ".repeat(most / 8)),
        ("emphasis both ways", format!("{}{}", "*a ".repeat(30_000), "a* ".repeat(30_000))),
        ("backticks", "`a``".repeat(most / 4)),
        ("lists", "- ".repeat(most / 2)),
        ("nested lists", nested),
        ("numbers", "1) ".repeat(most / 3)),
        ("tables", wide),
        ("references", format!("[a]: https://x.example/{}\n\n{}", "b".repeat(10_000), "[a] ".repeat(40_000))),
        ("tags", "<div>".repeat(most / 5)),
        ("tags in a line", format!("a {}", "<b>".repeat(most / 3))),
        ("open tags before paragraphs", format!("<b>\n\n<i>\n\n{}", "<em>a\n\n".repeat(most / 7))),
        (
            "different formats",
            (0..5_000).fold(String::new(), |text, at| text + &format!("<font size={at}><b x={at}>\n\n"))
                + &"<p>\n\n".repeat(5_000),
        ),
        ("tags that do not end", "<a ".repeat(most / 3)),
        ("comments", "<!--".repeat(most / 4)),
        ("silent elements", "<svg>".repeat(most / 5)),
        ("entities", "&".repeat(most / 4)),
        ("quotation marks", "\"".repeat(most)),
        ("paragraphs", "a\n\n".repeat(most / 3)),
        ("code", format!("```\n{}", "a\n".repeat(most / 2))),
        ("one line", "a".repeat(most)),
    ];
    for (name, source) in cases {
        let short = render(&source, false);
        assert!(
            short.html.len() <= SHORT + 30_000 || name == "one line",
            "{name}: {} bytes",
            short.html.len()
        );
        check_harmless(name, &short.html);
        let whole = render(&source, true);
        assert!(whole.html.len() <= LONG + 300_000, "{name}: {} bytes", whole.html.len());
        assert!(deepest(&whole.html) <= 50, "{name}: {} deep", deepest(&whole.html));
    }
}

/// How deep the elements of a text nest.
fn deepest(html: &str) -> usize {
    let document = scraper::Html::parse_fragment(html);
    let mut depths = std::collections::HashMap::new();
    let mut most = 0;
    for node in document.tree.nodes() {
        let depth = node.parent().and_then(|parent| depths.get(&parent.id()).copied()).unwrap_or(0) + 1;
        depths.insert(node.id(), depth);
        most = most.max(depth);
    }
    most
}

#[test]
fn long_ones_are_cut_between_blocks_and_have_an_end() {
    let source = "- one paragraph of a list\n\n".repeat(6_000);
    let short = render(&source, false);
    assert!(
        short.is_cut && short.html.ends_with("</li>\n</ul>\n"),
        "{:?}",
        short.html.get(short.html.len() - 60..)
    );
    let whole = render(&source, true);
    assert!(!whole.is_cut && whole.html.len() > short.html.len());
    // What is longer than anything that is read says so, even as a whole.
    let endless = "a\n\n".repeat(100_000);
    assert!(render(&endless, true).is_cut);
    assert_eq!(render("a", false), Rendered { html: "<p>a</p>\n".into(), is_cut: false });
    assert_eq!(plain("ä", false), ("ä", false));
    let long = "ä".repeat(40_000);
    assert_eq!(plain(&long, false).0.len(), SHORT);
    assert!(plain(&long, false).1 && !plain(&long, true).1);
}
