//! Where symlinks lead.

use std::collections::HashMap;

use granary_model::Result;

use crate::zip_archive::{names, refuse, refuse_entry};

/// Links followed for one path, as Linux does.
const MAX_HOPS: usize = 40;

/// Parts of paths looked at for all links together. Following links from links takes a product of their lengths.
const MAX_STEPS: usize = 1_000_000;

/// A symlink: its name, and the target that it contains.
#[derive(Debug)]
pub(super) struct Link<'a> {
    pub(super) name: &'a str,
    pub(super) target: String,
}

impl<'a> Link<'a> {
    /// Checks a target by itself. It has to be a relative path that means the same everywhere.
    pub(super) fn new(name: &'a str, target: Vec<u8>) -> Result<Self> {
        let target = String::from_utf8(target)
            .map_err(|_| refuse_entry(name, "that is a symlink to a name that is not UTF-8; rename it"))?;
        let fault = if target.is_empty() {
            "that is a symlink without a target; remove it"
        } else if target.starts_with('/') || names::has_drive(&target) {
            "that is a symlink to an absolute path; make it relative"
        } else if target.contains('\\') || target.chars().any(char::is_control) {
            "that is a symlink to a path with a backslash or a control character; rename it"
        } else if !target.is_ascii() {
            "that is a symlink to a name beyond ASCII, which some systems take for another name; rename it"
        } else {
            return Ok(Self { name, target });
        };
        Err(refuse_entry(name, fault))
    }
}

/// Checks that no link leads out of the package, not even to come back: SwiftPM moves the content of the top-level
/// folder elsewhere. Its name has `floor` parts, none if the package is at the root.
///
/// Targets need not exist.
pub(super) fn check(links: &[Link<'_>], floor: usize) -> Result<()> {
    let mut steps = 0;
    check_all(
        links.iter().map(|link| (link.name, link.name.to_owned(), link.target.clone())),
        floor,
        &mut steps,
    )?;
    // The same where case is ignored: other links are followed there.
    let folded = links.iter().map(|link| (link.name, names::folded(link.name), names::folded(&link.target)));
    check_all(folded, floor, &mut steps)
}

/// Of each link: the name to show, its path and its target.
fn check_all<'a>(
    links: impl Iterator<Item = (&'a str, String, String)> + Clone,
    floor: usize,
    steps: &mut usize,
) -> Result<()> {
    let targets: HashMap<String, String> = links.clone().map(|(_, path, target)| (path, target)).collect();
    let longest = targets.keys().map(String::len).max().unwrap_or(0);
    let resolver = Resolver { targets: &targets, longest, floor };
    for (name, path, target) in links {
        resolver.follow(&path, &target, steps).map_err(|fault| match fault {
            Fault::Leaves => refuse_entry(name, "that is a symlink out of the package; remove it"),
            Fault::Cycle => refuse_entry(name, "that is a symlink which leads back to itself; remove it"),
            Fault::Steps => refuse("has symlinks that take too long to follow; leave some out"),
        })?;
    }
    Ok(())
}

enum Fault {
    Leaves,
    Cycle,
    Steps,
}

struct Resolver<'a> {
    targets: &'a HashMap<String, String>,
    /// Bytes of the longest path that is a link.
    longest: usize,
    floor: usize,
}

impl Resolver<'_> {
    /// Follows the link at a path, part by part, and other links on the way.
    fn follow(&self, path: &str, target: &str, steps: &mut usize) -> std::result::Result<(), Fault> {
        let mut place = Place::new(path);
        place.up();
        // What is still to go of each path, the innermost last. A link adds one, so there are few.
        let mut ahead = vec![target.split('/')];
        let mut hops = 1;
        while let Some(parts) = ahead.last_mut() {
            let Some(part) = parts.next() else {
                ahead.pop();
                continue;
            };
            *steps += 1;
            if *steps > MAX_STEPS {
                return Err(Fault::Steps);
            }
            match part {
                "" | "." => {}
                ".." if place.depth <= self.floor => return Err(Fault::Leaves),
                ".." => place.up(),
                _ => {
                    place.down(part);
                    let Some(next) = self.target_at(&place) else { continue };
                    hops += 1;
                    if hops > MAX_HOPS {
                        return Err(Fault::Cycle);
                    }
                    place.up();
                    ahead.push(next.split('/'));
                }
            }
        }
        Ok(())
    }

    fn target_at(&self, place: &Place) -> Option<&str> {
        if place.path.len() > self.longest {
            return None;
        }
        self.targets.get(&place.path).map(String::as_str)
    }
}

/// A path and the number of its parts.
struct Place {
    path: String,
    depth: usize,
}

impl Place {
    fn new(path: &str) -> Self {
        Self { path: path.to_owned(), depth: path.split('/').count() }
    }

    fn up(&mut self) {
        self.path.truncate(self.path.rfind('/').unwrap_or(0));
        self.depth = self.depth.saturating_sub(1);
    }

    fn down(&mut self, part: &str) {
        if !self.path.is_empty() {
            self.path.push('/');
        }
        self.path.push_str(part);
        self.depth += 1;
    }
}
