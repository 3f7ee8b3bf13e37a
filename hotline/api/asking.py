"""Putting a person's question to a running call, and what goes wrong on the way. Knows nothing of what is asked."""

from hotline.api.deps import Services
from hotline.api.problems import RETRY_AFTER_S, ProblemError
from hotline.questions import NoAnswer, NotTaken
from ivr.call import Asked, SupervisionAsked
from routing.errors import AcdUnavailable

_RETRY = {"Retry-After": str(RETRY_AFTER_S)}


async def worker_of(ask: Services, call: str) -> str | None:
    """The worker that runs the call; None when the call is over. Raises a `ProblemError` when there is no such call."""
    line = await ask.calls.find(call) if "\0" not in call else None
    if line is None:
        raise ProblemError(
            404, "call-unknown", "there is no call with this id; the list of calls shows those there are"
        )
    return line.worker if line.closed is None else None


async def put(ask: Services, worker: str, call: str, event: Asked | SupervisionAsked) -> str:
    """Ask the call: the word of its refusal, empty for yes. Raises a `ProblemError` when it cannot be asked."""
    try:
        return await ask.questions.ask(worker, call, event)
    except NotTaken as error:
        raise ProblemError(503, "worker-away", str(error), headers=_RETRY) from None
    except NoAnswer as error:
        raise ProblemError(504, "worker-silent", str(error)) from None
    except AcdUnavailable:
        detail = "the worker that runs the call cannot be asked now; see what became of the call before trying again"
        raise ProblemError(503, "queue-unreachable", detail, headers=_RETRY) from None
