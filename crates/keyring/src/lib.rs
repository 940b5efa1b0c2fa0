//! Who may come in: key pairs, tokens, enrolled peers, as files and rules. It knows nothing of sockets.
