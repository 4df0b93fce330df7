//! Words that the rules know and the language is still to get. Until it has one, the oracle leaves it out of the files;
//! what the rules say of everything else holds already.

/// `closes: [{ code: 4000 }, { none: true }]` in a protocol file: ends that the server may make.
pub(crate) const CLOSES: bool = true;
/// `delivers: false` in `acks`: the message comes to its sender too, and the acknowledgement is no delivery.
pub(crate) const DELIVERS: bool = false;
