"""Real storage servers for the tests: one module a server, each with a session fixture.

A server starts when the first test asks for it, on free loopback ports, in a temporary directory, once per test
process, and is ended by its process id. One that does not start fails the tests that need it.
"""
