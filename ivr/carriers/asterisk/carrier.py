"""Asterisk as the engine's carrier: ARI events become the call's events, commands become ARI requests.

The citizen lives in one softmix bridge (the call's room) from the first to the last second, so recording time is wall
clock time. A call's id is its citizen's channel id, which the dialplan's recording bears as well; a leg's id is ours
and its channel's: ``<call>-<suffix>``.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

import structlog

from ivr.call import (
    Accept,
    CallArrived,
    CarrierCommand,
    Check,
    CloseRoom,
    ControlResumed,
    Dial,
    DigitPressed,
    EndCause,
    HandedOver,
    HangUp,
    Join,
    LegAnswered,
    LegEnded,
    Music,
    Play,
    PromptEnded,
    Room,
    Sound,
    StopPlaying,
    Tone,
    Whisper,
)
from ivr.carriers.asterisk import ari, inventory, whispering
from ivr.carriers.asterisk.canary import Canary, is_canary
from ivr.carriers.asterisk.keys import Keys
from ivr.carriers.asterisk.names import call_of, caller_of, endpoint_of, handed_over, is_ear, is_leg, room_of
from ivr.carriers.asterisk.rooms import Gone, Rooms
from ivr.carriers.asterisk.whispering import Whispering
from ivr.ports import CarrierUnavailable, Reception, Sink, Sounds

log = structlog.get_logger(__name__)

LEG_ENTERS_LIMIT_S = 2.0
ROOM_UNUSED_S = 10.0

# Q.850 causes as Asterisk reports them (https://docs.asterisk.org/Configuration/Miscellaneous/Hangup-Cause-Mappings/)
CAUSES = {
    1: EndCause.UNREACHABLE,  # unallocated number
    3: EndCause.UNREACHABLE,  # no route
    16: EndCause.HANGUP,
    17: EndCause.BUSY,
    18: EndCause.NO_ANSWER,
    19: EndCause.NO_ANSWER,
    20: EndCause.UNREACHABLE,  # subscriber absent
    21: EndCause.REJECTED,
    27: EndCause.UNREACHABLE,
    28: EndCause.UNREACHABLE,
    34: EndCause.UNREACHABLE,  # no circuit
    38: EndCause.LOST,  # network out of order
    41: EndCause.LOST,
    42: EndCause.UNREACHABLE,  # congestion
    44: EndCause.LOST,  # RTP time-out
    58: EndCause.UNREACHABLE,
}


class AsteriskCarrier:
    """One worker's hold on one Asterisk.

    `app` is the worker's ARI application (``hotline-w<n>``); `reception` says what holds for a new call.
    """

    def __init__(
        self,
        *,
        base: str,
        user: str,
        password: str,
        app: str,
        sounds: Sounds,
        reception: Reception,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.ari = ari.Ari(base, user, password, app, self._on_event, self._on_connected)
        self.canary = Canary(self.ari)
        self.app = app
        self._sounds = sounds
        self._reception = reception
        self._clock = clock
        self._sink: Sink | None = None
        self._resync: Callable[[], Awaitable[None]] | None = None
        self._rooms = Rooms(self.ari)
        self._whispering = Whispering(self.ari, self._rooms)
        self._claiming: dict[str, bool] = {}  # channels being claimed; True: offered again meanwhile
        self._entering: dict[str, asyncio.Future[None]] = {}  # created legs on their way into Stasis
        self._keys = Keys()
        self._music: dict[str, str] = {}  # bridge -> the prompt that is music
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, sink: Sink, on_connected: Callable[[], Awaitable[None]]) -> None:
        """Connect; `on_connected` is awaited each time the carrier is (again) under control."""
        self._sink = sink
        self._resync = on_connected
        await self.ari.start()

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.ari.stop()

    async def _on_connected(self) -> None:
        assert self._resync is not None
        await self._resync()

    # ------------------------------------------------------------ events in

    def _on_event(self, event: ari.AriEvent) -> None:
        if is_canary(event) or whispering.is_of_ear(event):
            return
        match event:
            case ari.CallBroadcast():
                self._broadcast(event.channel)
            case ari.StasisStart():
                self._entered(event)
            case ari.ChannelStateChange() if event.channel.state == "Up" and is_leg(event.channel.id):
                self._post(event.channel.id, LegAnswered(at=self._clock(), leg=event.channel.id))
            case ari.ChannelDestroyed() if is_leg(event.channel.id):
                self._gone(event.channel.id, CAUSES.get(event.cause, EndCause.HANGUP))
            case ari.StasisEnd() if not is_leg(event.channel.id):
                # who came by the dialplan goes back to it; mostly no ChannelDestroyed follows for us
                self._gone(event.channel.id, EndCause.HANGUP)
            case ari.ChannelDtmfReceived() if self._keys.is_new(event.channel.id, event.digit, self._clock()):
                self._post(event.channel.id, DigitPressed(at=self._clock(), leg=event.channel.id, digit=event.digit))
            case ari.PlaybackFinished():
                heard = event.playback.state == "done"
                self._post(event.playback.id, PromptEnded(at=self._clock(), prompt=event.playback.id, heard=heard))
            case _:
                pass

    def _entered(self, event: ari.StasisStart) -> None:
        channel = event.channel
        kind = event.args[0] if event.args else ""
        if kind == "in":
            dialled, keys = [*event.args[1:3], "", ""][:2]
            told = handed_over(event.args[3:])
            self._post(channel.id, self._arrival(channel, dialled or channel.dialplan.exten, told))
            for key in keys:  # pressed before we had the call
                self._post(channel.id, DigitPressed(at=self._clock(), leg=channel.id, digit=key))
        elif kind == whispering.ARGUMENT:
            self._whispering.entered(channel.id)
        elif kind == "canary":
            self._spawn(self.canary.sing(channel.id))
        elif (entering := self._entering.pop(channel.id, None)) is not None and not entering.done():
            entering.set_result(None)

    def _arrival(self, channel: ari.Channel, dialled: str, told: HandedOver | None = None) -> CallArrived:
        at, caller = self._clock(), caller_of(channel.caller.number)
        return CallArrived(
            at=at,
            call=channel.id,
            dialled=dialled,
            caller=caller,
            carrier="asterisk",
            rules=self._reception.version(),
            recording=channel.id,
            restricted_until=self._reception.restricted_until(caller, at) if told is None else None,
            handed_over=told,
        )

    def _gone(self, channel: str, cause: EndCause) -> None:
        entering = self._entering.pop(channel, None)
        if entering is not None and not entering.done():
            entering.cancel()
        self._rooms.left(channel)
        self._keys.forget(channel)
        if self._whispering.has_ear(channel):
            self._spawn(self._end_whisper(channel))
        self._post(channel, LegEnded(at=self._clock(), leg=channel, cause=cause))

    def _post(self, channel: str, event: object) -> None:
        assert self._sink is not None
        self._sink.post(call_of(channel), event)  # type: ignore[arg-type]

    def _broadcast(self, channel: ari.Channel) -> None:
        """A call without a worker is offered in short rounds; one claim at a time is enough."""
        if channel.id in self._claiming:
            self._claiming[channel.id] = True
        else:
            self._claiming[channel.id] = False
            self._spawn(self._claim(channel))

    async def _claim(self, channel: ari.Channel) -> None:
        """Say that this worker takes the call; only one worker's claim is accepted."""
        try:
            claimed = await self._claim_once(channel.id)
            while not claimed and self._claiming[channel.id]:  # too late for that round, and there is another one
                self._claiming[channel.id] = False
                claimed = await self._claim_once(channel.id)
            if claimed and not channel.name.startswith("Local/"):  # a canary needs no room
                asyncio.get_running_loop().call_later(ROOM_UNUSED_S, self._close_unused, channel.id)
                await self._rooms.open(channel.id)  # while the citizen's channel is still on its way to us
        except (ari.AriError, ari.AriUnreachable) as error:
            log.error("claim failed", call=channel.id, reason=str(error))
        finally:
            del self._claiming[channel.id]

    def _close_unused(self, call: str) -> None:
        """The citizen may have hung up between our claim and the arrival."""
        if self._rooms.is_empty(call):
            self._spawn(self._rooms.close(call))

    async def _claim_once(self, channel: str) -> bool:
        """False when the round is over (404) or another worker was faster (409)."""
        try:
            await self.ari.request("POST", "events/claim", channelId=channel, application=self.app)
        except ari.AriError as error:
            if error.status not in (404, 409):
                raise
            return False
        return True

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ------------------------------------------------------------ commands out

    async def run(self, call: str, command: CarrierCommand) -> None:
        try:
            await self._run(call, command)
        except ari.AriUnreachable as error:
            raise CarrierUnavailable(str(error)) from None

    async def _run(self, call: str, command: CarrierCommand) -> None:
        match command:
            case Accept():
                await self._join(call, call, Room.MAIN)
            case Play():
                await self._play(call, command)
            case StopPlaying():
                await self._stop_playing(call, command)
            case Dial():
                await self._dial(call, command)
            case Join():
                await self._join(call, command.leg, command.room, command.muted)
            case Whisper():
                await self._whisper(call, command)
            case HangUp():
                await self._hang_up(command.leg)
            case CloseRoom():
                for room in Room:
                    self._music.pop(room_of(call, room), None)
                await self._rooms.close(call)
            case Check():
                await self._check(call)

    async def _join(self, call: str, leg: str, room: Room, muted: bool | None = None) -> None:
        try:
            await self._rooms.join(call, leg, room, muted)
            if muted is not None:  # it may have whispered before
                await self._whispering.end(leg)
        except Gone:  # its end may have been told while we were away
            self._gone(leg, EndCause.LOST)
        except ari.AriError as error:
            log.warning("could not join", leg=leg, reason=str(error))

    async def _whisper(self, call: str, command: Whisper) -> None:
        try:
            await self._whispering.begin(call, command.leg, command.to)
        except Gone as gone:
            if not is_ear(str(gone)):  # an ear ends with the leg it is at, and that one's end is told
                self._gone(str(gone), EndCause.LOST)
        except ari.AriError as error:
            log.warning("could not whisper", leg=command.leg, reason=str(error))

    async def _end_whisper(self, leg: str) -> None:
        try:
            await self._whispering.end(leg)
        except (ari.AriError, ari.AriUnreachable) as error:
            log.warning("whisper not ended", leg=leg, reason=str(error))

    async def _play(self, call: str, command: Play) -> None:
        room = room_of(call, command.room)
        if command.loop:
            await self._quietly("POST", f"bridges/{room}/moh")
            self._music[room] = command.prompt
            return
        media = [name for sound in command.sounds if (name := await self._media(sound)) is not None]
        try:
            if not media:
                raise LookupError("no audio")
            await self.ari.request("POST", f"bridges/{room}/play/{command.prompt}", {"media": media})
        except (ari.AriError, LookupError) as error:
            log.error("prompt not played", prompt=command.prompt, reason=str(error))
            self._post(call, PromptEnded(at=self._clock(), prompt=command.prompt, heard=False))

    async def _media(self, sound: Sound) -> str | None:
        if isinstance(sound, Music):
            return None
        path = await self._sounds.media(sound)
        if path is not None:
            return f"sound:{path.with_suffix('')}"
        return f"tone:{sound.name};tonezone=cn" if isinstance(sound, Tone) else None

    async def _stop_playing(self, call: str, command: StopPlaying) -> None:
        room = room_of(call, command.room)
        if self._music.get(room) == command.prompt:
            del self._music[room]
            await self._quietly("DELETE", f"bridges/{room}/moh")
        else:
            await self._quietly("DELETE", f"playbacks/{command.prompt}")

    async def _dial(self, call: str, command: Dial) -> None:
        """Create the leg inside our application, then dial: it stays ours even if we are away when it is answered."""
        leg = command.leg
        entering = self._entering[leg] = asyncio.get_running_loop().create_future()
        variables = {f"PJSIP_HEADER(add,{name})": value for name, value in command.headers.items()}
        if command.caller:
            variables |= {"CONNECTEDLINE(num,i)": command.caller, "CONNECTEDLINE(name,i)": command.caller}
        if command.address.startswith("phone:"):
            variables["GROUP(lines)"] = "all"  # counted among the trunk's channels, see extensions.conf
        try:
            await self.ari.request(
                "POST",
                "channels/create",
                {"variables": variables} if variables else None,
                endpoint=endpoint_of(command.address),
                app=self.app,
                appArgs="leg",
                channelId=leg,
                originator=call,
            )
            await asyncio.wait_for(entering, LEG_ENTERS_LIMIT_S)  # else /dial answers 409
            await self.ari.request(
                "POST", f"channels/{leg}/dial", caller=call, timeout=max(1, round(command.timeout_s))
            )
        except ari.AriError as error:
            log.warning("could not dial", leg=leg, reason=str(error))
            await self._hang_up(leg)
            self._gone(leg, EndCause.UNREACHABLE)
        except asyncio.CancelledError:
            if not entering.cancelled():
                raise
        except TimeoutError:
            await self._hang_up(leg)
            self._gone(leg, EndCause.LOST)
        finally:
            self._entering.pop(leg, None)

    async def _hang_up(self, leg: str) -> None:
        await self._quietly("DELETE", f"channels/{leg}", reason_code=16)

    async def _quietly(self, method: str, path: str, **query: Any) -> None:
        """A request whose refusal means that there is nothing to do any more."""
        try:
            await self.ari.request(method, path, **query)
        except ari.AriError as error:
            if error.status not in (404, 409):
                log.warning("request refused", reason=str(error))

    # ------------------------------------------------------------ what exists

    async def _check(self, call: str) -> None:
        try:
            resumed, rooms = await inventory.of_call(self.ari, call, self._clock())
        except ari.AriError as error:
            raise CarrierUnavailable(str(error)) from None
        self._rooms.learn(call, rooms)
        self._post(call, resumed)

    async def inventory(self, prompts: Mapping[str, str | None]) -> dict[str, ControlResumed]:
        """See `ivr.ports.Carrier`. A citizen who reached us but was never journaled arrives here."""
        try:
            seen = await inventory.take(self.ari, prompts, self._clock())
        except ari.AriError as error:
            raise CarrierUnavailable(str(error)) from None
        for call in seen.calls:
            self._rooms.learn(call, seen.rooms[call])
        for channel in seen.strangers:
            if call_of(channel.id) == channel.id and channel.state == "Up":
                self._post(channel.id, self._arrival(channel, channel.dialplan.exten))
            else:
                await self._hang_up(channel.id)
        for room in seen.empty_rooms:
            await self._quietly("DELETE", f"bridges/{room}")
        return seen.calls
