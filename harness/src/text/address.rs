//! Addresses of files, relative to a page.

/// A part of a path for a relative address (RFC 3986, section 2.3).
pub(crate) fn url_encoded(part: &str) -> String {
    let mut text = String::new();
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~@".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}
