"""The only room that opens a connection: thin, typed clients shared by everything that looks."""
