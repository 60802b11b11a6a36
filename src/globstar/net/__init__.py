"""Sockets on asyncio: UDP, TCP, TLS, WebSocket; drives any sans-IO machine."""
