//! Jobs of GitHub Actions and GitLab CI. The token comes out of a secret of the CI system.

use super::{Snippet, in_file};

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Job {
    /// It builds with what is installed from the repository.
    Install {
        /// Whether it needs the secret.
        needs_token: bool,
    },
    /// It publishes when a version is tagged.
    Publish,
}

/// The same job in both systems. `lines` are commands of a shell; in those that publish, `$VERSION` is the version.
pub(super) fn jobs(kind: &str, job: Job, lines: &[String]) -> Vec<Snippet> {
    let name = if job == Job::Publish { "publish" } else { "install" };
    let github =
        if job == Job::Publish { ".github/workflows/publish.yml" } else { ".github/workflows/build.yml" };
    vec![
        in_file(&format!("{kind}-{name}-github"), "GitHub Actions", github, github_job(job, lines)),
        in_file(
            &format!("{kind}-{name}-gitlab"),
            "GitLab CI",
            ".gitlab-ci.yml",
            gitlab_job(kind, job, lines),
        ),
    ]
}

fn github_job(job: Job, lines: &[String]) -> String {
    let (on, name) = match job {
        Job::Publish => ("on:\n  push:\n    tags: ['v*']", "publish"),
        Job::Install { .. } => ("on: push", "build"),
    };
    let secret = match job {
        Job::Install { needs_token: false } => "",
        _ => "    env:\n      GRANARY_TOKEN: ${{ secrets.GRANARY_TOKEN }}\n",
    };
    format!(
        "{on}\npermissions:\n  contents: read\njobs:\n  {name}:\n    runs-on: ubuntu-latest\n{secret}    steps:\n      \
         - uses: actions/checkout@v5\n      - run: |\n{}",
        block(job, "          ", "${GITHUB_REF_NAME#v}", lines)
    )
}

fn gitlab_job(kind: &str, job: Job, lines: &[String]) -> String {
    let image = match kind {
        "npm" => "node:24",
        "maven" => "maven:3-eclipse-temurin-21",
        "swift" => "swift:6.3",
        "composer" => "composer:2",
        _ => "curlimages/curl",
    };
    let (name, head) = match job {
        Job::Publish => ("publish", "  rules:\n    - if: $CI_COMMIT_TAG\n"),
        Job::Install { .. } => ("build", ""),
    };
    let secret = match job {
        Job::Install { needs_token: false } => "",
        _ => "# GRANARY_TOKEN is a masked variable of the project\n",
    };
    format!(
        "{secret}{name}:\n  image: {image}\n{head}  script:\n    - |\n{}",
        block(job, "      ", "${CI_COMMIT_TAG#v}", lines)
    )
}

/// Commands as a block of YAML, in which a colon or a hash means nothing.
fn block(job: Job, indent: &str, version: &str, lines: &[String]) -> String {
    let first = (job == Job::Publish && lines.iter().any(|line| line.contains("$VERSION")))
        .then(|| format!("VERSION={version}"));
    let lines = first.iter().chain(lines).flat_map(|lines| lines.lines());
    lines.map(|line| format!("{indent}{line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_take_the_token_from_a_secret() {
        let lines = ["curl -X PUT \"$VERSION\" \\\n  -H 'a: b'".to_owned()];
        let [github, gitlab] = jobs("raw", Job::Publish, &lines).try_into().unwrap();
        assert_eq!(
            github.code,
            "on:\n  push:\n    tags: ['v*']\npermissions:\n  contents: read\njobs:\n  publish:\n    runs-on: ubuntu-latest\n    \
             env:\n      GRANARY_TOKEN: ${{ secrets.GRANARY_TOKEN }}\n    steps:\n      - uses: actions/checkout@v5\n      \
             - run: |\n          VERSION=${GITHUB_REF_NAME#v}\n          curl -X PUT \"$VERSION\" \\\n            -H 'a: b'"
        );
        assert_eq!(
            gitlab.code,
            "# GRANARY_TOKEN is a masked variable of the project\npublish:\n  image: curlimages/curl\n  rules:\n    \
             - if: $CI_COMMIT_TAG\n  script:\n    - |\n      VERSION=${CI_COMMIT_TAG#v}\n      curl -X PUT \"$VERSION\" \\\n        -H 'a: b'"
        );
    }

    #[test]
    fn a_public_repository_needs_no_secret() {
        for snippet in jobs("npm", Job::Install { needs_token: false }, &["npm ci".to_owned()]) {
            assert!(!snippet.code.contains("TOKEN") && !snippet.code.contains("VERSION"), "{}", snippet.code);
        }
    }
}
