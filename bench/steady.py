"""Latencies and cost at a steady, moderate rate: blocks of complete calls, hotline and dialplan in turn.

Takes turns A B B A, so that whatever changes slowly on the machine falls on both alike.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.block import Block, Caller, Load
from bench.stats import Spread, spread


@dataclass(frozen=True)
class Steady:
    """One system's blocks, taken together."""

    blocks: tuple[Block, ...]

    @property
    def calls(self) -> int:
        return sum(block.load.calls for block in self.blocks)

    @property
    def failed(self) -> int:
        return sum(block.failed for block in self.blocks)

    @property
    def pickup_ms(self) -> Spread:
        return spread(ms for block in self.blocks for ms in block.pickups_ms)

    @property
    def prompt_ms(self) -> Spread:
        return spread(ms for block in self.blocks for ms in block.prompts_ms)

    @property
    def cpu_s_per_call(self) -> dict[str, float]:
        """CPU seconds by role, from the first ring to the last bit of work afterwards."""
        roles = sorted({role for block in self.blocks for role in block.cpu_s})
        return {role: sum(block.cpu_s.get(role, 0.0) for block in self.blocks) / self.calls for role in roles}

    @property
    def generator_s_per_call(self) -> float:
        return sum(block.generator_cpu_s for block in self.blocks) / self.calls


def turns(names: Sequence[str], rounds: int) -> list[str]:
    """A B B A A B B A …: each name once a round, every other round backwards."""
    return [name for n in range(rounds) for name in (names if n % 2 == 0 else names[::-1])]


def measure(
    callers: Mapping[str, Caller], load: Load, rounds: int, say: Callable[[str], None] = print
) -> dict[str, Steady]:
    """Blocks of ``load`` on each system, ``rounds`` of them."""
    blocks: dict[str, list[Block]] = {name: [] for name in callers}
    for number, name in enumerate(turns(list(callers), rounds), 1):
        say(f"{load.calls} calls at {load.rate:g}/s on the {name} (block {number} of {rounds * len(callers)})")
        blocks[name].append(callers[name].run(load))
    return {name: Steady(tuple(done)) for name, done in blocks.items()}
