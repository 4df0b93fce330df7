//! What a conversation tells its sockets, before it becomes JSON.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::{
    AiChunk, ClientMessageId, Message, MessageId, Mode, Participant, SequenceId, SocketId, Timestamp, UserId,
};

/// A participant and whether one of its sockets is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RosterEntry {
    /// The member.
    pub(crate) participant: Participant,
    /// Whether it is online.
    pub(crate) online: bool,
}

/// All participants in join order, made once for all receivers.
pub(crate) type Roster = Arc<[RosterEntry]>;

/// Who is to get a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Every open socket of the conversation.
    Everyone,
    /// Every open socket but this user's.
    Others(UserId),
    /// One socket.
    Socket(SocketId),
}

/// What a frame says. Messages are not here: they reach sockets through the log.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {
    /// First frame of a socket.
    Connected {
        /// Whose socket it is.
        user: UserId,
        /// Mode of the conversation.
        mode: Mode,
        /// The newest message.
        current: SequenceId,
    },
    /// Second frame of a socket.
    ParticipantList {
        /// Everybody.
        roster: Roster,
        /// When.
        at: Timestamp,
    },
    /// Somebody became a member.
    Joined {
        /// Who.
        participant: Participant,
        /// How many there are now.
        count: usize,
        /// When.
        at: Timestamp,
    },
    /// Somebody is no longer a member.
    Left {
        /// Who.
        participant: Participant,
        /// How many there are now.
        count: usize,
        /// When.
        at: Timestamp,
    },
    /// Somebody came online or went offline.
    Presence {
        /// Came online?
        online: bool,
        /// Who.
        participant: Participant,
        /// Everybody.
        roster: Roster,
        /// When.
        at: Timestamp,
    },
    /// The mode is another one now.
    ModeChanged {
        /// The new mode.
        mode: Mode,
        /// When.
        at: Timestamp,
    },
    /// Somebody types, or no longer does.
    Typing {
        /// Who.
        participant: Participant,
        /// Whether it types.
        typing: bool,
    },
    /// Title, sites or mode were edited.
    Updated {
        /// Title now.
        title: String,
        /// Sites now.
        sites: Vec<String>,
        /// Mode now.
        mode: String,
        /// When.
        at: Timestamp,
    },
    /// A piece of an AI's answer.
    AiResponse {
        /// The AI participant.
        participant: Participant,
        /// The message that it answers.
        response_to: MessageId,
        /// The piece.
        chunk: AiChunk,
        /// Whether it is the last one.
        last: bool,
    },
    /// Answer to a ping.
    Pong,
    /// A frame was wrong.
    Fault(Fault),
    /// The server will close soon.
    Closing {
        /// When this client is to come back.
        retry_after: Duration,
    },
}

/// What is wrong with a frame; the socket lives on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// What kind of fault.
    pub(crate) kind: FaultKind,
    /// What is wrong, for people.
    pub(crate) message: String,
    /// The client's id of the message it is about.
    pub(crate) message_id: Option<ClientMessageId>,
    /// When to try again, if that is known better than the configuration's period.
    pub(crate) retry_after: Option<Duration>,
}

impl Fault {
    /// A sync from a place where no message is.
    pub(crate) fn impossible_sync(current: SequenceId) -> Self {
        Self {
            kind: FaultKind::InvalidSync,
            message: format!("last_sequence_id must be a number from 0 to {current}"),
            message_id: None,
            retry_after: None,
        }
    }
}

/// Where a client says that it is in the log when its socket opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StartAt {
    /// It knows nothing: it gets the newest messages.
    Newest,
    /// It knows everything up to this message.
    After(SequenceId),
    /// It says what makes no sense: it is told so, and gets the newest messages.
    Impossible,
}

/// The kinds of faults, each with its name and number on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// Not JSON.
    InvalidJson,
    /// No such frame.
    UnknownType,
    /// Content empty or missing, or a field of a wrong type.
    InvalidMessage,
    /// Too many characters.
    MessageTooLarge,
    /// A binary frame.
    UnsupportedData,
    /// A sync from an impossible place.
    InvalidSync,
    /// The client id was used for other content.
    IdConflict,
    /// Too many messages of this user in a short time.
    RateLimited,
    /// Too many messages wait for the store.
    QueueFull,
    /// The store failed.
    StorageUnavailable,
    /// The sender is no longer a participant.
    NotParticipant,
    /// The server is going down.
    ShuttingDown,
}

/// Why the server closes a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CloseReason {
    /// Its user left or was removed.
    Left,
    /// The server is going down.
    Shutdown,
    /// Too many faulty frames.
    TooManyFaults,
    /// A frame beyond the size limit.
    FrameTooBig,
    /// A text frame that is no UTF-8.
    NotUtf8,
    /// The bytes are no WebSocket frames.
    Protocol,
    /// The token that opened it has expired.
    TokenExpired,
    /// Nothing was heard within the heartbeat's timeout.
    HeartbeatLost,
    /// A write made no progress in time.
    TooSlow,
    /// The log could not be read.
    LogUnavailable,
    /// The task that owned the conversation ended.
    ConversationLost,
}

/// What the owner of a conversation does to the world after a command.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    /// Give a frame to an audience.
    Tell(Audience, Event),
    /// A message has its place in the log; every socket may read up to it.
    Posted(Arc<Message>),
    /// Let a socket read the log up to here.
    Replay {
        /// Which socket.
        socket: SocketId,
        /// The newest message it may read.
        up_to: SequenceId,
    },
    /// Answer a sync with a page of the log.
    Page {
        /// Which socket.
        socket: SocketId,
        /// After this message.
        after: SequenceId,
        /// The newest message at that time.
        current: SequenceId,
        /// Everybody at that time.
        roster: Roster,
    },
    /// Close a socket behind everything it was given.
    Close(SocketId, CloseReason),
}
