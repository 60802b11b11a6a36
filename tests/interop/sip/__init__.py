"""SIPp against the running server: each test is named by the clause of an RFC or the behaviour that it shows."""
