//! Rows in memory, where one process is the only one that writes them.
//!
//! Every request reads its token, its repository and its package's head. On AWS they come from the table each time,
//! because other functions may have changed them. The one-process server holds its data folder alone and sees every
//! write before it happens, so what it has read stays true until it writes it itself.
//!
//! The rule: whoever writes rows announces them, and while a write is under way nothing of them is kept nor given
//! out. Whoever reads a row takes a [`Ticket`] before reading, and what was read is kept only if no write was announced
//! since. So a row in here is always the one that the table has, also for readers that come between a commit and its
//! answer.
//!
//! Lists are kept as well: the rows of a partition whose sort keys begin with a text. One is right as long as no write
//! has begun in its partition since it was read.

use std::any::Any;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

/// A write keeps those rows out that share its slot, which are few among this many.
const SLOTS: usize = 4096;

/// Memory for rows where nothing else is said, in bytes.
const DEFAULT_BYTES: u64 = 16 * 1024 * 1024;

/// Parts of the room, each with a lock of its own.
const PARTS: usize = 4;

/// What an entry takes besides its name and its row.
const OVERHEAD: u64 = 160;

/// The table and the key of a row, as one text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowName {
    text: Box<str>,
    /// How much of the text is the table and the partition key.
    partition: usize,
}

impl RowName {
    /// The row of a table with this partition key and sort key.
    pub fn new(table: &str, pk: &str, sk: &str) -> Self {
        let mut text = String::with_capacity(table.len() + pk.len() + sk.len() + 2);
        for part in [table, "\0", pk, "\0"] {
            text.push_str(part);
        }
        let partition = text.len();
        text.push_str(sk);
        Self { text: text.into(), partition }
    }

    fn partition(&self) -> &str {
        self.text.get(..self.partition).unwrap_or_default()
    }
}

/// What is kept: a row, or the rows whose sort keys begin with a text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Name {
    Row(RowName),
    List(RowName),
}

/// A row as it was read; `None`: there is no such row.
type Row = Option<Arc<dyn Any + Send + Sync>>;

#[derive(Clone)]
struct Entry {
    row: Row,
    weight: u64,
    /// How many writes had begun in its slot.
    begun: u64,
}

#[derive(Clone)]
struct ByWeight;

impl Weighter<Name, Entry> for ByWeight {
    fn weight(&self, (Name::Row(name) | Name::List(name)): &Name, entry: &Entry) -> u64 {
        name.text.len() as u64 + entry.weight + OVERHEAD
    }
}

/// How many writes are under way in a slot, and how many there have been.
#[derive(Debug, Default, Clone, Copy)]
struct Slot {
    under_way: u32,
    begun: u64,
}

/// Rows in memory. See the module for the rule that keeps them right.
pub struct KeptRows {
    rows: Cache<Name, Entry, ByWeight>,
    slots: Box<[Mutex<Slot>]>,
    hasher: RandomState,
}

impl std::fmt::Debug for KeptRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeptRows({} rows)", self.rows.len())
    }
}

impl Default for KeptRows {
    fn default() -> Self {
        Self::new(DEFAULT_BYTES)
    }
}

/// Permission to keep what is read from now on, unless it is written before.
#[derive(Debug)]
pub struct Ticket {
    name: Name,
    slot: usize,
    /// How many writes had begun in the slot; `None` if one was under way.
    begun: Option<u64>,
}

/// What is known of a row.
#[derive(Debug)]
pub enum Known<T> {
    /// It is this one, or there is none.
    Row(Option<Arc<T>>),
    /// It has to be read.
    Unknown(Ticket),
}

impl KeptRows {
    /// Room for about this many bytes.
    ///
    /// # Panics
    /// Never: options are refused only where a size is missing.
    #[expect(clippy::expect_used, reason = "both sizes are given")]
    pub fn new(bytes: u64) -> Self {
        let options = OptionsBuilder::new()
            .estimated_items_capacity(usize::try_from(bytes / 1024).unwrap_or(usize::MAX))
            .weight_capacity(bytes.max(1))
            // Not by the number of cores: what takes more than a part of the room is never kept.
            .shards(PARTS)
            .build()
            .expect("both sizes are given");
        Self {
            rows: Cache::with_options(
                options,
                ByWeight,
                DefaultHashBuilder::default(),
                DefaultLifecycle::default(),
            ),
            slots: (0..SLOTS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
        }
    }

    /// Looks a row up.
    pub fn find<T: Send + Sync + 'static>(&self, name: RowName) -> Known<T> {
        let name = Name::Row(name);
        match self.rows.get(&name) {
            Some(Entry { row: None, .. }) => return Known::Row(None),
            Some(Entry { row: Some(row), .. }) => {
                if let Ok(row) = row.downcast() {
                    return Known::Row(Some(row));
                }
            }
            None => {}
        }
        let at = self.slot_of(&name);
        let slot = *self.slot(at);
        Known::Unknown(Ticket { name, slot: at, begun: slot.at_rest() })
    }

    /// Looks up the rows of a partition whose sort keys begin as `first` does.
    pub fn find_list<T: Send + Sync + 'static>(&self, first: RowName) -> Known<Vec<T>> {
        let at = self.partition_slot(&first);
        let name = Name::List(first);
        let begun = self.slot(at).at_rest();
        if let Some(entry) = self.rows.get(&name)
            && Some(entry.begun) == begun
            && let Some(Ok(rows)) = entry.row.map(Arc::downcast)
        {
            return Known::Row(Some(rows));
        }
        Known::Unknown(Ticket { name, slot: at, begun })
    }

    /// Keeps what was read after the ticket was taken, unless a write has begun since. `weight` is about how many bytes
    /// it takes.
    pub fn keep<T: Send + Sync + 'static>(&self, ticket: Ticket, row: Option<&Arc<T>>, weight: u64) {
        let Some(begun) = ticket.begun else { return };
        let row = row.map(|row| Arc::clone(row) as Arc<dyn Any + Send + Sync>);
        // Under the lock that a write takes to announce itself: it either comes first and is seen here, or it comes
        // later and finds the row to remove.
        let slot = self.slot(ticket.slot);
        if slot.begun == begun {
            self.rows.insert(ticket.name, Entry { row, weight, begun });
        }
    }

    /// Announces that these rows are about to be written.
    pub fn writing(self: &Arc<Self>, names: &[RowName]) -> Writing {
        let writing = Writing { kept: Arc::clone(self), names: Some(names.into()) };
        for row in names {
            // Lists of the partition are not removed: they are of a state before this.
            self.slot(self.partition_slot(row)).begin();
            let name = Name::Row(row.clone());
            let mut slot = self.slot(self.slot_of(&name));
            slot.begin();
            self.rows.remove(&name);
        }
        writing
    }

    /// Announces that any row may be about to be written.
    pub fn writing_anything(self: &Arc<Self>) -> Writing {
        let writing = Writing { kept: Arc::clone(self), names: None };
        // All slots first: whoever comes later keeps nothing, and whoever came before is cleared away.
        for at in 0..self.slots.len() {
            self.slot(at).begin();
        }
        self.rows.clear();
        writing
    }

    fn slot_of(&self, name: &Name) -> usize {
        slot_of_hash(self.hasher.hash_one(name))
    }

    fn partition_slot(&self, name: &RowName) -> usize {
        slot_of_hash(self.hasher.hash_one(name.partition()))
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "`slot_of_hash` and the range of all slots give nothing else"
    )]
    fn slot(&self, at: usize) -> MutexGuard<'_, Slot> {
        self.slots[at].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn slot_of_hash(hash: u64) -> usize {
    usize::try_from(hash % SLOTS as u64).unwrap_or(0)
}

impl Slot {
    /// How many writes have begun, if none is under way.
    fn at_rest(self) -> Option<u64> {
        (self.under_way == 0).then_some(self.begun)
    }

    fn begin(&mut self) {
        self.under_way += 1;
        self.begun += 1;
    }
}

/// A write that is under way until this is dropped.
#[derive(Debug)]
#[must_use = "the write counts as over when this is dropped"]
pub struct Writing {
    kept: Arc<KeptRows>,
    /// `None`: any row.
    names: Option<Box<[RowName]>>,
}

impl Writing {
    /// The rows that are written, if it is not all of them.
    pub fn names(&self) -> &[RowName] {
        self.names.as_deref().unwrap_or_default()
    }

    /// Whether any row may be written.
    pub fn is_everything(&self) -> bool {
        self.names.is_none()
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        match &self.names {
            Some(names) => {
                for row in names {
                    self.kept.slot(self.kept.partition_slot(row)).under_way -= 1;
                    self.kept.slot(self.kept.slot_of(&Name::Row(row.clone()))).under_way -= 1;
                }
            }
            None => {
                for at in 0..self.kept.slots.len() {
                    self.kept.slot(at).under_way -= 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(sk: &str) -> RowName {
        RowName::new("t", "p", sk)
    }

    fn ticket(kept: &KeptRows, sk: &str) -> Ticket {
        match kept.find::<u32>(name(sk)) {
            Known::Unknown(ticket) => ticket,
            Known::Row(row) => panic!("{row:?} is kept"),
        }
    }

    #[expect(clippy::option_option, reason = "not known, known not to be there, or there")]
    fn row(kept: &KeptRows, sk: &str) -> Option<Option<u32>> {
        match kept.find::<u32>(name(sk)) {
            Known::Unknown(_) => None,
            Known::Row(row) => Some(row.as_deref().copied()),
        }
    }

    fn keep(kept: &KeptRows, ticket: Ticket, value: u32) {
        kept.keep(ticket, Some(&Arc::new(value)), 8);
    }

    #[test]
    fn what_was_read_is_kept_until_it_is_written() {
        let kept = Arc::new(KeptRows::default());
        keep(&kept, ticket(&kept, "a"), 1);
        kept.keep::<u32>(ticket(&kept, "b"), None, 0);
        assert_eq!((row(&kept, "a"), row(&kept, "b")), (Some(Some(1)), Some(None)));
        assert!(matches!(kept.find::<String>(name("a")), Known::Unknown(_)), "of another type");
        drop(kept.writing(&[name("a")]));
        assert_eq!((row(&kept, "a"), row(&kept, "b")), (None, Some(None)));
        keep(&kept, ticket(&kept, "a"), 2);
        drop(kept.writing_anything());
        assert_eq!((row(&kept, "a"), row(&kept, "b")), (None, None));
        keep(&kept, ticket(&kept, "a"), 3);
        assert_eq!(row(&kept, "a"), Some(Some(3)));
    }

    #[test]
    fn what_was_read_before_or_during_a_write_is_not_kept() {
        let kept = Arc::new(KeptRows::default());
        for everything in [false, true] {
            let begin = || if everything { kept.writing_anything() } else { kept.writing(&[name("a")]) };
            let before = ticket(&kept, "a");
            let writing = begin();
            let during = ticket(&kept, "a");
            keep(&kept, before, 1);
            assert_eq!(row(&kept, "a"), None, "read before the write");
            let other = begin();
            drop(writing);
            let under_two = ticket(&kept, "a");
            drop(other);
            keep(&kept, during, 2);
            keep(&kept, under_two, 3);
            assert_eq!(row(&kept, "a"), None, "read during the write");
            let before = ticket(&kept, "a");
            drop(begin());
            keep(&kept, before, 4);
            assert_eq!(row(&kept, "a"), None, "read before a write that is over");
            keep(&kept, ticket(&kept, "a"), 5);
            assert_eq!(row(&kept, "a"), Some(Some(5)));
            drop(begin());
        }
    }

    fn list(kept: &KeptRows, first: &RowName) -> Option<Vec<u32>> {
        match kept.find_list::<u32>(first.clone()) {
            Known::Unknown(_) => None,
            Known::Row(rows) => rows.map(|rows| rows.to_vec()),
        }
    }

    #[test]
    fn a_list_is_kept_until_its_partition_is_written() {
        let kept = Arc::new(KeptRows::default());
        let first = RowName::new("t", "p", "a");
        let read = || match kept.find_list::<u32>(first.clone()) {
            Known::Unknown(ticket) => ticket,
            Known::Row(rows) => panic!("{rows:?} are kept"),
        };
        let keep = |ticket| kept.keep(ticket, Some(&Arc::new(vec![1_u32, 2])), 8);
        keep(read());
        assert_eq!(list(&kept, &first), Some(vec![1, 2]));
        assert_eq!(list(&kept, &RowName::new("t", "p", "")), None, "another list of it");
        assert_eq!(row(&kept, "a"), None, "a row of the name of the list");
        let writing = kept.writing(&[name("b")]);
        assert_eq!(list(&kept, &first), None, "during a write");
        keep(read());
        drop(writing);
        assert_eq!(list(&kept, &first), None, "read during the write");
        let before = read();
        drop(kept.writing(&[name("c")]));
        keep(before);
        assert_eq!(list(&kept, &first), None, "read before the write");
        keep(read());
        assert_eq!(list(&kept, &first), Some(vec![1, 2]));
        drop(kept.writing_anything());
        assert_eq!(list(&kept, &first), None);
    }

    #[test]
    fn a_row_may_be_written_twice_in_one_request() {
        let kept = Arc::new(KeptRows::default());
        drop(kept.writing(&[name("a"), name("a")]));
        keep(&kept, ticket(&kept, "a"), 1);
        assert_eq!(row(&kept, "a"), Some(Some(1)));
    }

    #[test]
    fn memory_is_bounded() {
        let kept = Arc::new(KeptRows::new(64 * 1024));
        for n in 0..10_000 {
            let sk = n.to_string();
            keep(&kept, ticket(&kept, &sk), n);
        }
        assert!(kept.rows.weight() <= 64 * 1024);
        assert!(kept.rows.len() > 100, "{}", kept.rows.len());
    }

    #[test]
    fn the_largest_row_there_can_be_is_kept() {
        let kept = Arc::new(KeptRows::default());
        // 400 KB of attributes, at twice that.
        kept.keep(ticket(&kept, "a"), Some(&Arc::new(1_u32)), 800_000);
        assert_eq!(row(&kept, "a"), Some(Some(1)));
    }

    #[test]
    fn names_do_not_run_together() {
        assert_ne!(RowName::new("t", "ab", "c"), RowName::new("t", "a", "bc"));
        assert_ne!(RowName::new("t", "a", "b"), RowName::new("ta", "", "b"));
    }
}
