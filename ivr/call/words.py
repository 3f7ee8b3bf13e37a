"""The words of a call: roles, causes, outcomes, stages. Values go into the journal and never change their meaning."""

from enum import StrEnum


class Role(StrEnum):
    """Whom a leg belongs to."""

    CITIZEN = "citizen"
    AGENT = "agent"
    DUTY = "duty"  # a duty phone (值班电话), rung when no agent can answer
    LINE = "line"  # a line of the transfer table, or an external number: whoever a call was transferred to
    SUPERVISOR = "supervisor"  # a supervisor (班长) who has taken a call over; before, see `Supervisor`


class EndCause(StrEnum):
    """Why a leg ended, in the field's words; carriers map their own codes to these (Q.850 for Asterisk)."""

    HANGUP = "hangup"  # the party hung up, or we did: the ordinary end
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"  # unknown number, unregistered phone, dead gateway
    LOST = "lost"  # gone without a hang-up: network failure, or found missing after a restart


class Outcome(StrEnum):
    """How a call ended, as the citizen would tell it."""

    ANSWERED = "answered"  # spoke with an agent or a duty phone
    MESSAGE = "message"  # left a message (留言)
    ABANDONED = "abandoned"  # hung up before anybody answered
    UNATTENDED = "unattended"  # nobody could answer and no message was left
    RESTRICTED = "restricted"  # a restricted caller who neither appealed nor reported an emergency


class TransferKind(StrEnum):
    """How a call comes to another line."""

    FORWARD = "forward"  # the dialled number leads there: no agent has had the call yet
    BLIND = "blind"  # the agent lets go at once
    WARM = "warm"  # the agent speaks with the line first, and stays until handing over
    EMERGENCY = "emergency"  # to 110, 119, 120 or 122; whoever is with the citizen stays until told to leave


class TransferResult(StrEnum):
    """What became of ringing one target, in the field's words."""

    CONNECTED = "connected"  # citizen and target were brought together
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"
    LOST = "lost"  # line gone in the middle of it
    ENDED = "ended"  # the target hung up before it was brought together with the citizen
    CANCELLED = "cancelled"  # taken back by the agent, or given up by the citizen with a key
    ABANDONED = "abandoned"  # the citizen hung up meanwhile


class Room(StrEnum):
    """Where a leg is. Every call has the one; the other is for what the citizen shall not hear."""

    MAIN = "main"
    CONSULT = "consult"
    WHISPER = "whisper"  # behind the agent's ear: a supervisor, and what the agent says and hears


class Supervision(StrEnum):
    """What a supervisor does on a call that an agent talks on."""

    LISTEN = "listen"  # 监听: hears all, nobody hears the supervisor
    WHISPER = "whisper"  # 耳语: hears what the agent hears and says; the agent alone hears the supervisor
    JOIN = "join"  # 强插: everybody hears everybody
    TAKE_OVER = "take_over"  # 接管: talks with the citizen in the agent's place, as soon as the phone is answered


class Stage(StrEnum):
    """Where a call is; one module of `ivr.flow` each."""

    ARRIVING = "arriving"
    RESTRICTED = "restricted"
    GREETING = "greeting"
    CHOOSING = "choosing"
    FORWARDING = "forwarding"
    WAITING = "waiting"
    DUTY = "duty"
    TALKING = "talking"
    CONSULTING = "consulting"
    RETURNING = "returning"
    CONFERENCE = "conference"
    MESSAGE = "message"
    FAREWELL = "farewell"
    CLOSING = "closing"
    CLOSED = "closed"
