"""RTP sessions, media sockets, the relay, recording and playing, prompts."""
