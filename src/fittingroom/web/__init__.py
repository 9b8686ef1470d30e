"""The local web page: server-rendered HTML, live over one WebSocket. No torch: it starts processes that have it."""
