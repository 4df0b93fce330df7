//! Rooms and who is in them.

use serde_json::json;

use super::http::post;
use crate::Outcome;
use crate::server::Door;

/// So many people may be named when a conversation is made; the others join.
const AT_CREATION: usize = 10;

/// A room, and how many people are in it.
#[derive(Debug, Clone)]
pub struct Room {
    /// Its id.
    pub id: String,
    /// Tells its people from those of other rooms.
    pub number: usize,
}

/// The id of a person.
#[must_use]
pub fn name_of(room: usize, person: usize) -> String {
    format!("r{room}p{person}")
}

/// Makes a room with so many participants. Peers make rooms when the first socket comes.
///
/// # Errors
/// The server cannot be reached or refuses.
pub async fn make_room(door: &Door, number: usize, people: usize) -> Outcome<Room> {
    if !door.is_ours {
        return Ok(Room { id: format!("conv_{number:012x}"), number });
    }
    let named: Vec<_> = (0..people.min(AT_CREATION))
        .map(|person| json!({"user_id": name_of(number, person), "name": format!("Person {person}")}))
        .collect();
    let body = json!({"title": format!("Room {number}"), "participants": named, "enable_ai": false});
    let answer = post(door.address, &name_of(number, 0), "/chat/create", &body).await?;
    let id = answer["conversation_id"].as_str().ok_or("the answer names no conversation")?.to_owned();
    let room = Room { id, number };
    for person in named.len()..people {
        join(door, &room, person).await?;
    }
    Ok(room)
}

/// Makes a person a participant. Peers know no participants.
///
/// # Errors
/// The server cannot be reached or refuses.
pub async fn join(door: &Door, room: &Room, person: usize) -> Outcome<()> {
    if door.is_ours {
        let user = name_of(room.number, person);
        let body = json!({"participant": {"user_id": user, "name": format!("Person {person}")}});
        post(door.address, &user, &format!("/chat/{}/join", room.id), &body).await?;
    }
    Ok(())
}
