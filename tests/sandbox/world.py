"""The world outside: its Asterisk, its citizens and its phones.

Starts its own Asterisk in a folder of its own and takes everything away at the end, also when a test fails.
"""

import asyncio
import contextlib
import itertools
import secrets
import signal
from collections.abc import AsyncIterator, Coroutine, Mapping
from pathlib import Path

import aiohttp

from config import asterisk_config
from hotline.programs import AsteriskService, socket_dir
from hotline.runtime import paths
from tests.sandbox.ari import AriClient, AriRefused, Message
from tests.sandbox.audio import LEVEL
from tests.sandbox.leg import Leg, NotObserved
from tests.sandbox.media import Exchange
from tests.sandbox.phone import Behaviour, NotFound, Phone, Ring
from tests.sandbox.ports import free_ports
from tests.sandbox.rtp_citizen import RtpCitizen, RtpLine, rtp_call

TEMPLATES = Path(__file__).parent / "asterisk"
RTP_PORTS = 400
# the product's list without what only a hotline needs, and with what carries audio to Python
NOT_NEEDED = {"app_mixmonitor", "app_stasis_broadcast", "res_stasis_broadcast", "res_musiconhold", "func_env"}
ADDED = ("app_stasis", "res_pjsip_header_funcs", "res_audiosocket", "chan_audiosocket", "res_rtp_multicast", "chan_rtp")


TOO_LATE = (AriRefused, aiohttp.ClientError, NotObserved)


class World:
    """Use it as ``async with World.start(folder, hotline_sip=("127.0.0.1", 5060)) as world``."""

    def __init__(self, service: AsteriskService, hotline_sip: tuple[str, int], sip_port: int) -> None:
        self.hotline_sip = hotline_sip
        self.sip_port = sip_port
        self.service = service
        self.exchange = Exchange()
        instance = service.configuration.instance
        self.ari = AriClient(service.base_url, instance.ari_user, instance.ari_password, "world", self._on_event)
        self.phones: dict[str, Phone] = {}
        self._legs: dict[str, Leg] = {}  # by channel, and by the channel of its line
        self._tasks: set[asyncio.Task[None]] = set()
        self._numbers = itertools.count(1)

    @classmethod
    @contextlib.asynccontextmanager
    async def start(
        cls,
        folder: Path,
        *,
        hotline_sip: tuple[str, int],
        sip_port: int | None = None,
        http_port: int | None = None,
        rtp_start: int | None = None,
    ) -> AsyncIterator["World"]:
        """The world while the block lasts; ports that are not given are free ones.

        ``hotline_sip`` is where the hotline listens; it may be changed later and need not be up.
        """
        sip_port = sip_port or free_ports()[0]
        rtp_start = rtp_start or free_ports(RTP_PORTS)[0]
        instance = asterisk_config.Instance(
            target=folder,
            run_dir=socket_dir(folder / "run", "asterisk.ctl"),
            modules_dir=paths.asterisk_module_dir(),
            data_dir=paths.asterisk_data_dir(),
            system_name="outside",
            http_host="127.0.0.1",
            http_port=http_port or free_ports()[0],
            rtp_start=rtp_start,
            rtp_end=rtp_start + RTP_PORTS - 1,
            ari_user="world",
            ari_password=secrets.token_urlsafe(12),
        )
        product = [module for group in asterisk_config.MODULES.values() for module in group]
        modules = [module for module in dict.fromkeys([*product, *ADDED]) if module not in NOT_NEEDED]
        configuration = asterisk_config.fill(
            instance, [TEMPLATES, asterisk_config.TEMPLATES], modules=modules, port=sip_port
        )
        world = cls(AsteriskService("outside", configuration), hotline_sip, sip_port)
        world.service.mortal = True
        world.service.stop_signal = signal.SIGKILL  # there is nothing to save, and an orderly end takes over a second
        try:
            await world.service.start()
            await world.exchange.start()
            await world.ari.start()
            yield world
        finally:
            await world._stop()

    async def _stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.ari.stop()
        await self.exchange.stop()
        await self.service.stop()

    # ------------------------------------------------------------ citizens

    async def call(
        self,
        number: str = "12345",
        *,
        caller: str = "13800138000",
        tone: float | None = None,
        within: float = 5.0,
        headers: Mapping[str, str] | None = None,
    ) -> Leg:
        """A citizen calls; returns when the call is answered. Raises `NotObserved` when it is not.

        ``caller`` empty means that the number is withheld. With ``tone``, the citizen says it from the first moment.
        ``headers`` go along with the INVITE, as an emergency desk sends them that hands a citizen over.
        """
        leg = Leg(self, f"citizen-{next(self._numbers)}-{secrets.token_hex(3)}", number, caller)
        await self._adopt(leg)
        if tone is not None:
            await leg.speak(tone)
        host, port = self.hotline_sip
        await self.ari.request(
            "POST",
            f"channels/{leg.channel}",
            {"variables": {f"PJSIP_HEADER(add,{name})": value for name, value in (headers or {}).items()}},
            endpoint=f"PJSIP/hotline/sip:{number}@{host}:{port}",
            app=self.ari.app,
            appArgs="out",
            callerId=caller,
            timeout=max(1, round(within)),
        )
        await leg.is_answered(within)
        return leg

    def rtp_call(
        self, number: str = "12345", *, caller: str = "13800138000", tone: float | None = None, within: float = 5.0
    ) -> contextlib.AbstractAsyncContextManager[RtpCitizen]:
        """A citizen whose RTP stream can be restarted: ``async with world.rtp_call() as citizen``.

        The hotline must take calls from any SIP phone (`sip.softphone`).
        """
        line = RtpLine()
        if tone is not None:
            line.speak(tone, LEVEL)
        folder = self.service.folder / "spool" / "sipp"
        return rtp_call(self.exchange, folder, self.hotline_sip, line, number=number, caller=caller, within=within)

    # ------------------------------------------------------------ phones

    def phone(self, number: str, behaviour: Behaviour | None = None) -> Phone:
        """The phone with this number, which rings for ever unless told otherwise. Unknown numbers answer 404."""
        phone = self.phones.get(number)
        if phone is None:
            phone = self.phones[number] = Phone(number, behaviour or Ring())
        elif behaviour is not None:
            phone.behaviour = behaviour
        return phone

    # ------------------------------------------------------------ events

    def _on_event(self, event: Message) -> None:
        match event:
            case {"type": "StasisStart", "args": ["in", number], "channel": {"id": channel, "caller": caller}}:
                leg = Leg(self, channel, number, caller["number"])
                self._spawn(self._arrive(leg))
            case {"type": "StasisStart", "channel": {"id": channel}} if channel in self._legs:
                leg = self._legs[channel]
                self._spawn(leg.media_entered() if channel == leg.media else leg.connect())
            case {"type": "ChannelDtmfReceived", "channel": {"id": channel}, "digit": digit} if channel in self._legs:
                self._legs[channel].digits += digit
            case {"type": "ChannelHangupRequest", "channel": {"id": channel}, "cause": cause} if (
                channel in self._legs and not event.get("soft")
            ):
                self._legs[channel].cause = cause
            # the last event of a channel that came by the dialplan is StasisEnd, of one that we made ChannelDestroyed
            case {"type": "StasisEnd" | "ChannelDestroyed", "channel": {"id": channel}} if channel in self._legs:
                self._end(self._legs.pop(channel), channel, event.get("cause"))

    def _end(self, leg: Leg, channel: str, cause: int | None) -> None:
        if channel == leg.channel:
            leg.mark_over(cause)
            self._spawn(leg.clear())

    async def _adopt(self, leg: Leg) -> None:
        self._legs[leg.channel] = self._legs[leg.media] = leg
        await leg.prepare()

    async def _arrive(self, leg: Leg) -> None:
        await self._adopt(leg)
        phone = self.phones.get(leg.number) or Phone(leg.number, NotFound())
        await phone.serve(leg)

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        """The other side may hang up at any moment; a request that comes too late is no failure."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not isinstance(error, TOO_LATE):
            raise error
