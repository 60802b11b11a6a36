"""Logging in and out, and what a client wants to hear."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets

from globstar.base.log import Logger
from globstar.core.acl import SERVICE as ACCESS_LISTS
from globstar.core.acl import AccessLists, allows_all
from globstar.core.manager import (
    ALL,
    ActionFault,
    ActionRequest,
    Answer,
    ListItem,
    ManagerActionSpec,
    Permission,
    failure,
    manager_action,
    privilege_text,
    success,
)
from globstar.core.security import SecurityEventType
from globstar.interfaces.ami.filters import read_filter
from globstar.interfaces.ami.session import Session
from globstar.interfaces.ami.settings import ManagerUser, event_mask

logger = Logger("manager")


def session_of(request: ActionRequest) -> Session:
    """The session behind a request of ours."""
    assert isinstance(request.session, Session)
    return request.session


@manager_action("Challenge", is_open=True, synopsis="Generate Challenge for MD5 Auth.")
def challenge(request: ActionRequest) -> Answer:
    """Give a challenge whose MD5 sum with the secret logs in."""
    session = session_of(request)
    if request.get("AuthType").upper() != "MD5":
        return failure("Must specify AuthType")
    if not session.challenge:
        session.challenge = str(secrets.randbelow(900_000_000) + 100_000_000)
    return success(None, ("Challenge", session.challenge))


@manager_action("Login", is_open=True, synopsis="Login Manager.")
async def login(request: ActionRequest) -> Answer:
    """Log in with a secret, or with a key made of a challenge and the secret."""
    session = session_of(request)
    hub = session.hub
    if session.is_logged_in:
        return failure("Already logged in")
    wait = hub.guesses.wait(session.remote[0], session.system.now())
    if wait:
        await asyncio.sleep(wait)
    user = _authenticate(request, session)
    if user is None:
        hub.guesses.failed(session.remote[0], session.system.now())
        answer = failure("Authentication failed")
        answer.is_last = True
        return answer
    if is_in_use(session, user):
        answer = failure("Login already in use")
        answer.is_last = True
        return answer
    hub.guesses.succeeded(session.remote[0])
    session.log_in(user, event_mask(request.get("Events")))
    answer = success("Authentication accepted")
    answer.then = session.logged_in
    return answer


def is_in_use(session: Session, user: ManagerUser) -> bool:
    """Whether the user is logged in elsewhere and may be so only once; that is reported."""
    if user.options.allowmultiplelogin or all(other.account != user.name for other in session.hub.sessions):
        return False
    session.hub.report(session, SecurityEventType.SESSION_LIMIT, user.name)
    logger.warning(f"manager user '{user.name}' from {session.remote[0]} is logged in already")
    return True


def permitted_user(session: Session, name: str) -> ManagerUser | None:
    """The user of a name, if it may log in from where the client is; else that is reported."""
    hub, source = session.hub, session.remote[0]
    user = hub.settings.users.get(name)
    if user is None:
        logger.notice(f"{source} tried to authenticate with nonexistent user '{name}'")
        hub.report(session, SecurityEventType.INVALID_ACCOUNT_ID, name)
        return None
    lists = session.system.services.get(ACCESS_LISTS)
    refused = allows_all(lists if isinstance(lists, AccessLists) else None, user.options.acl, source)
    if refused or not user.options.access.allows(source):
        logger.notice(f"{source} failed to pass IP ACL as '{name}'")
        hub.report(session, SecurityEventType.FAILED_ACL, name, ACLName=refused)
        return None
    return user


def _authenticate(request: ActionRequest, session: Session) -> ManagerUser | None:
    hub = session.hub
    name, source = request.get("Username"), session.remote[0]
    user = permitted_user(session, name)
    if user is None:
        return None
    secret = user.options.secret
    if request.get("AuthType").upper() == "MD5":
        key = request.get("Key").lower()
        expected = hashlib.md5(f"{session.challenge}{secret}".encode(), usedforsecurity=False).hexdigest()
        if session.challenge and secret and hmac.compare_digest(key.encode(), expected.encode()):
            return user
        logger.notice(f"{source} failed to authenticate as '{name}'")
        hub.report(
            session, SecurityEventType.CHALLENGE_RESPONSE_FAILED, name, Challenge=session.challenge, Response=key,
            ExpectedResponse="",
        )  # fmt: skip
        return None
    if secret and hmac.compare_digest(request.get("Secret").encode(), secret.encode()):
        return user
    logger.notice(f"{source} failed to authenticate as '{name}'")
    hub.report(session, SecurityEventType.INVALID_PASSWORD, name)
    return None


@manager_action("Logoff", is_open=True, synopsis="Logoff Manager.")
def logoff(request: ActionRequest) -> Answer:
    """Log off and end the connection."""
    return Answer("Goodbye", "Thanks for all the fish.", is_last=True)


@manager_action("Ping", synopsis="Keepalive command.")
def ping(request: ActionRequest) -> Answer:
    """Answer with the time."""
    return success(None, ("Ping", "Pong"), ("Timestamp", f"{request.system.wall_time():.6f}"))


@manager_action("Events", synopsis="Control Event Flow.")
def events(request: ActionRequest) -> Answer:
    """Choose which classes of events are sent: on, off or a list."""
    session = session_of(request)
    text = request.get("EventMask")
    mask = event_mask(text)
    if mask is None:
        return failure("Invalid event mask")
    session.set_mask(mask)
    answer = success(None, ("Events", "On" if mask else "Off"))
    answer.is_silent = session.hub.settings.general.brokeneventsaction and mask not in (ALL, Permission(0))
    return answer


@manager_action("Filter", Permission.SYSTEM, synopsis="Dynamically add filters for the current manager session.")
def filter_(request: ActionRequest) -> Answer:
    """Add a filter to those of this session."""
    if request.get("Operation").lower() != "add":
        return failure("Unknown operation")
    criteria = request.get("MatchCriteria") if request.has("MatchCriteria") else None
    expression = request.get("Filter")
    if criteria is None and not expression:
        return failure("Filter was formatted incorrectly.  Check the syntax of the filter given.")
    try:
        session_of(request).filters.add(read_filter(criteria, expression))
    except ValueError as error:
        logger.notice(f"manager filter '{criteria or ''} {expression}' is refused: {error}")
        return failure("Filter was formatted incorrectly.  Check the syntax of the filter given.")
    return success("Success")


@manager_action("ListCommands", synopsis="List available manager commands.")
def list_commands(request: ActionRequest) -> Answer:
    """List the actions that the client may use, with what they do and which classes may use them."""
    write = request.session.write
    specs: list[ManagerActionSpec] = list(request.system.registry("manager action"))
    found = [
        (spec.name, f"{spec.synopsis}  (Priv: {privilege_text(spec.permissions)})")
        for spec in specs
        if not spec.permissions or spec.permissions & write
    ]
    return success(None, *found)


@manager_action("WaitEvent", synopsis="Wait for an event to occur.")
async def wait_event(request: ActionRequest) -> Answer:
    """Wait until an event comes or the time is over; -1 or nothing waits for ever."""
    session = session_of(request)
    text = request.get("Timeout", "-1")
    try:
        timeout = int(text)
    except ValueError:
        raise ActionFault("Invalid timeout") from None
    timeout = session.longest_wait(timeout)
    if not session.has_events_waiting:
        session.event_told.clear()
    try:
        async with asyncio.timeout(timeout if timeout >= 0 else None):
            await session.event_told.wait()
    except TimeoutError:
        logger.debug(2, f"nothing happened for a manager client in {timeout} s")
    answer = success("Waiting for Event completed.")
    answer.items = [ListItem("WaitEventComplete", ())]
    return answer


@manager_action("Replay", synopsis="Send again the events after a number.")
def replay(request: ActionRequest) -> Answer:
    """Send the events again that came after ``SequenceNumber``, as far as they are kept (``replayevents`` in manager.conf).

    The answer's ``First`` and ``Last`` are the numbers of the oldest and the newest event that are kept. A client that wants no
    events now gets all that it may read. A number that no event has had yet is of a server that was started anew.
    """
    session = session_of(request)
    text = request.get("SequenceNumber")
    if not text.isdecimal() or len(text) > 18:
        return failure("Invalid sequence number")
    kept = session.hub.kept
    if not kept:
        return failure("No events are kept")
    since = int(text)
    if since + 1 < kept[0][0]:
        return failure(f"Events before {kept[0][0]} are not kept any more")
    if since > session.hub.number:
        return failure(f"There is no event {since}: the last one is {session.hub.number}")
    wanted = session.wanted or session.read
    chosen = [
        text
        for number, permission, name, text in kept
        if number > since and wanted & permission and (not session.filters or session.filters.passes(name, text))
    ]
    answer = success("Events will follow", ("First", str(kept[0][0])), ("Last", str(kept[-1][0])))
    answer.then = lambda: session.tell_texts(chosen)
    return answer
