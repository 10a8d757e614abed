//! What is broken, and the whole message for it.
