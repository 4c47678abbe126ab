//! Who is let in: links that work once, sessions, and their locks.
//!
//! Nothing here is written to disk. A node that starts anew has let nobody in.

use crate::clock;
use crate::output::{hex, sha256};
use credentials::{Code, Problem, Random};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Seconds that a login link waits to be opened.
pub const TICKET_SECONDS: i64 = 600;
/// Login links that wait at one time; the oldest makes room.
const TICKETS_MAX: usize = 32;
/// Sessions at one time; the one that was idle the longest makes room.
const SESSIONS_MAX: usize = 64;
/// Seconds that a session lasts, also when it is used all the time: a working day.
const SESSION_SECONDS: i64 = 12 * 3600;
/// Forms of one session that are remembered as sent, so that sending one twice does nothing twice.
const SENT_MAX: usize = 256;
/// Whom a wallet's own link lets in: its holder, who has no account. No account bears this name.
pub const HOLDER: &str = "holder";
/// Bytes of randomness in a link, a session and a form.
const SECRET_BYTES: usize = 32;

/// Somebody who has a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// Their account at an organisation's node; [`HOLDER`] at a wallet.
    pub handle: String,
    /// How they are called.
    pub name: String,
    /// Faces they may use.
    pub faces: Vec<Face>,
    /// What a form must bring along.
    pub token: String,
    /// Language that they chose.
    pub language: Option<String>,
    /// They must show who they are before they see more.
    pub is_locked: bool,
}

/// A face of the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Face {
    /// A holder's.
    Wallet,
    /// An asker's.
    Desk,
    /// An issuer's.
    Console,
}

impl Face {
    /// Where its pages begin.
    pub fn path(self) -> &'static str {
        match self {
            Face::Wallet => "/wallet",
            Face::Desk => "/desk",
            Face::Console => "/console",
        }
    }

    /// How accounts name it.
    pub fn name(self) -> &'static str {
        match self {
            Face::Wallet => "wallet",
            Face::Desk => "desk",
            Face::Console => "console",
        }
    }
}

/// Whom a link lets in.
#[derive(Clone, Debug)]
pub struct Guest {
    /// Account.
    pub handle: String,
    /// How they are called.
    pub name: String,
    /// Faces they may use.
    pub faces: Vec<Face>,
}

struct Ticket {
    guest: Guest,
    made: i64,
}

struct Session {
    visitor: Visitor,
    begun: i64,
    used: i64,
    sent: VecDeque<(String, Sent)>,
}

/// What came of a form that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It is being worked on.
    UnderWay,
    /// It was done; what came of it is shown there.
    Done(String),
}

/// Links and sessions.
pub struct Door {
    idle_seconds: i64,
    rooms: Mutex<Rooms>,
}

#[derive(Default)]
struct Rooms {
    /// By hash: who reads memory finds no link that works.
    tickets: BTreeMap<[u8; 32], Ticket>,
    sessions: BTreeMap<[u8; 32], Session>,
}

fn secret() -> String {
    let mut bytes = [0; SECRET_BYTES];
    clock::System.fill(&mut bytes);
    hex(&bytes)
}

fn now() -> i64 {
    clock::since_boot().unwrap_or_else(clock::running)
}

impl Door {
    /// A door whose sessions lock after so many seconds without use.
    pub fn new(idle_seconds: i64) -> Door {
        Door {
            idle_seconds,
            rooms: Mutex::default(),
        }
    }

    fn rooms(&self) -> MutexGuard<'_, Rooms> {
        // Whoever panicked while holding it had done no half step: each change is one call on a map.
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A link's secret that lets somebody in once.
    pub fn ticket(&self, guest: Guest) -> String {
        let text = secret();
        let mut rooms = self.rooms();
        let now = now();
        rooms
            .tickets
            .retain(|_, ticket| now.saturating_sub(ticket.made) <= TICKET_SECONDS);
        if rooms.tickets.len() >= TICKETS_MAX {
            let oldest = rooms.tickets.iter().min_by_key(|(_, ticket)| ticket.made);
            if let Some(key) = oldest.map(|(key, _)| *key) {
                rooms.tickets.remove(&key);
            }
        }
        rooms
            .tickets
            .insert(sha256(text.as_bytes()), Ticket { guest, made: now });
        text
    }

    /// Lets somebody in who shows such a link's secret: the session's own. The link is spent by it.
    ///
    /// # Errors
    /// `link_spent` when it was used, is older than [`TICKET_SECONDS`] or never was.
    pub fn admit(&self, ticket: &str) -> Result<String, Problem> {
        let now = now();
        let ticket = self.rooms().tickets.remove(&sha256(ticket.as_bytes()));
        match ticket {
            Some(ticket) if now.saturating_sub(ticket.made) <= TICKET_SECONDS => Ok(self.begin(ticket.guest)),
            _ => Err(Code::LinkSpent.into()),
        }
    }

    /// Begins a session for somebody who has shown who they are.
    pub fn begin(&self, guest: Guest) -> String {
        let text = secret();
        let now = now();
        let visitor = Visitor {
            handle: guest.handle,
            name: guest.name,
            faces: guest.faces,
            token: secret(),
            language: None,
            is_locked: false,
        };
        let session = Session {
            visitor,
            begun: now,
            used: now,
            sent: VecDeque::new(),
        };
        let mut rooms = self.rooms();
        if rooms.sessions.len() >= SESSIONS_MAX {
            let idle = rooms.sessions.iter().min_by_key(|(_, session)| session.used);
            if let Some(key) = idle.map(|(key, _)| *key) {
                rooms.sessions.remove(&key);
            }
        }
        rooms.sessions.insert(sha256(text.as_bytes()), session);
        text
    }

    /// The visitor of a session, if there is one. `is_used` says whether a person did something, or only their open page asked.
    pub fn visitor(&self, session: &str, is_used: bool) -> Option<Visitor> {
        let now = now();
        let key = sha256(session.as_bytes());
        let mut rooms = self.rooms();
        let found = rooms.sessions.get_mut(&key)?;
        if now.saturating_sub(found.begun) > SESSION_SECONDS {
            rooms.sessions.remove(&key);
            return None;
        }
        if now.saturating_sub(found.used) > self.idle_seconds {
            found.visitor.is_locked = true;
        } else if is_used {
            found.used = now;
        }
        Some(found.visitor.clone())
    }

    /// Locks a session; the person must show who they are to go on.
    pub fn lock(&self, session: &str) {
        if let Some(session) = self.rooms().sessions.get_mut(&sha256(session.as_bytes())) {
            session.visitor.is_locked = true;
        }
    }

    /// Opens a locked session again, for a person who has shown who they are.
    pub fn unlock(&self, session: &str) {
        if let Some(session) = self.rooms().sessions.get_mut(&sha256(session.as_bytes())) {
            session.visitor.is_locked = false;
            session.used = now();
        }
    }

    /// Ends a session.
    pub fn leave(&self, session: &str) {
        self.rooms().sessions.remove(&sha256(session.as_bytes()));
    }

    /// Ends every session of an account that was removed.
    pub fn remove(&self, handle: &str) {
        self.rooms()
            .sessions
            .retain(|_, session| session.visitor.handle != handle);
    }

    /// Remembers the language that a person chose.
    pub fn speak(&self, session: &str, language: &str) {
        if let Some(session) = self.rooms().sessions.get_mut(&sha256(session.as_bytes())) {
            session.visitor.language = Some(language.to_owned());
        }
    }

    /// Takes a form as sent. `None` the first time, then what came of the first.
    pub fn take(&self, session: &str, form: &str) -> Option<Sent> {
        let mut rooms = self.rooms();
        let session = rooms.sessions.get_mut(&sha256(session.as_bytes()))?;
        if let Some((_, sent)) = session.sent.iter().find(|(known, _)| known == form) {
            return Some(sent.clone());
        }
        if session.sent.len() >= SENT_MAX {
            session.sent.pop_front();
        }
        session.sent.push_back((form.to_owned(), Sent::UnderWay));
        None
    }

    /// Says where what came of a form is shown; `None` when nothing came of it, so that it may be sent again.
    pub fn came_of(&self, session: &str, form: &str, shown_at: Option<&str>) {
        let mut rooms = self.rooms();
        let Some(session) = rooms.sessions.get_mut(&sha256(session.as_bytes())) else {
            return;
        };
        match shown_at {
            None => session.sent.retain(|(known, _)| known != form),
            Some(path) => {
                if let Some((_, sent)) = session.sent.iter_mut().find(|(known, _)| known == form) {
                    *sent = Sent::Done(path.to_owned());
                }
            }
        }
    }
}

/// A form's own name, for [`Door::take`].
pub fn form_name() -> String {
    let mut bytes = [0; 16];
    clock::System.fill(&mut bytes);
    hex(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guest() -> Guest {
        Guest {
            handle: "kari".to_owned(),
            name: "Kari Test".to_owned(),
            faces: vec![Face::Desk],
        }
    }

    #[test]
    fn a_link_lets_in_once() {
        let door = Door::new(900);
        let link = door.ticket(guest());
        let session = door.admit(&link).expect("the first time");
        assert_eq!(door.admit(&link), Err(Problem::from(Code::LinkSpent)));
        assert_eq!(door.admit("made up"), Err(Problem::from(Code::LinkSpent)));
        let visitor = door.visitor(&session, true).expect("is in");
        assert_eq!((visitor.handle.as_str(), visitor.is_locked), ("kari", false));
        assert_eq!(door.visitor("made up", true), None);
    }

    #[test]
    fn a_session_that_is_locked_stays_so_until_it_is_opened_or_left() {
        let door = Door::new(900);
        let session = door.begin(guest());
        door.lock(&session);
        assert!(door.visitor(&session, true).is_some_and(|visitor| visitor.is_locked));
        door.unlock(&session);
        assert!(door.visitor(&session, true).is_some_and(|visitor| !visitor.is_locked));
        door.leave(&session);
        assert_eq!(door.visitor(&session, true), None);
    }

    #[test]
    fn a_session_that_nobody_uses_locks_by_itself() {
        let door = Door::new(-1);
        let session = door.begin(guest());
        assert!(door.visitor(&session, true).is_some_and(|visitor| visitor.is_locked));
    }

    #[test]
    fn links_and_sessions_are_bounded_and_the_oldest_make_room() {
        let door = Door::new(900);
        let links: Vec<String> = (0..TICKETS_MAX + 8).map(|_| door.ticket(guest())).collect();
        let working = links.iter().filter(|link| door.admit(link).is_ok()).count();
        assert_eq!(working, TICKETS_MAX);
        let door = Door::new(900);
        let sessions: Vec<String> = (0..SESSIONS_MAX + 8).map(|_| door.begin(guest())).collect();
        let open = sessions.iter().filter(|one| door.visitor(one, false).is_some()).count();
        assert_eq!(open, SESSIONS_MAX);
    }

    #[test]
    fn a_form_that_is_sent_twice_is_taken_once_and_may_be_sent_again_when_nothing_came_of_it() {
        let door = Door::new(900);
        let session = door.begin(guest());
        assert_eq!(door.take(&session, "a"), None);
        assert_eq!(door.take(&session, "a"), Some(Sent::UnderWay));
        door.came_of(&session, "a", Some("/desk/sessions/1"));
        assert_eq!(
            door.take(&session, "a"),
            Some(Sent::Done("/desk/sessions/1".to_owned()))
        );
        assert_eq!(door.take(&session, "b"), None);
        door.came_of(&session, "b", None);
        assert_eq!(door.take(&session, "b"), None);
    }
}
