"""Settings of a session that this program relies on, whatever a role or a database says.

An operator may have set others for all who connect: for a role, a database, or the server. Which of
them do not fit, a connection asks once, and its transactions then begin by setting these for
themselves. That works behind PgBouncer as well, where nothing else is a session's own.

Others are in every transaction's beginning (`transactions`, `migration`, `locks`) or sent when a
connection is made (`server`). All else may be set: values go as they are, and not as text, so that
no format of dates or numbers comes into it; and what a role is allowed, it is allowed.
"""

# Each names what does not fit, and what fits.
_NEEDED = (
    # Else nobody hears that a commit may not have come to the copies of the server.
    ("client_min_messages", "IN ('error', 'fatal', 'panic')", "warning"),
    # What is acknowledged is to be there after a crash of the server. Who asks for less than its
    # copies (`local`) does so on purpose, and who asks for more gets more.
    ("synchronous_commit", "= 'off'", "on"),
    # From PostgreSQL 17 on: what may take longer has a deadline here.
    ("transaction_timeout", "<> '0'", "0"),
)

ASK = "SELECT concat({})".format(
    ", ".join(
        f"CASE WHEN current_setting('{name}', true) {unfit}"
        f" THEN 'SET LOCAL {name} = ''{fit}'';' END"
        for name, unfit, fit in _NEEDED
    )
).encode()
"""A statement that finds the commands by which a transaction sets what else would not fit."""
