"""What the API takes and gives about supervising (监听、耳语、强插、接管), with the documentation for its users."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class SupervisionRequest(BaseModel):
    """How the supervisor takes part in the call."""

    model_config = ConfigDict(extra="forbid")

    mode: Literal["listen", "whisper", "join"] = Field(
        description="`listen`: hears all, nobody hears the supervisor. `whisper`: hears what the agent hears and says, "
        "and the agent alone hears the supervisor. `join`: everybody hears everybody."
    )


class Supervised(BaseModel):
    """What the call is doing now that it was asked."""

    call: str = Field(examples=["hotline-1795190400.1"])
    supervisor: str = Field(description="The supervisor's id in the roster, whose phone it is.", examples=["8009"])
    mode: Literal["listen", "whisper", "join", "take_over"]
