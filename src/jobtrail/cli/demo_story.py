"""What the demo's storyboard tells, and the offline model that tells it: prepared words, counted and priced as if they were
bought. Nothing is asked of any network, and no money is spent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import jobtrail as jt

PROVIDER: Final = "demo"
MODEL: Final = "demo-writer"
PRICE_SOURCE: Final = "demo"
"""What stands beside each price: it is none that anybody asks."""

_INPUT_PRICE: Final = Decimal("0.000003")
_OUTPUT_PRICE: Final = Decimal("0.000015")
_LETTERS_OF_A_TOKEN: Final = 4
_WORDS_OF_A_LINE: Final = 7

SCRIPT: Final = {
    "idea": "A lighthouse stands on a rock, far out. Its keeper is old, its lamp is older. One night a storm puts the lamp "
    "out, and nobody on the sea may ever know. The light must go on where it was, not begin again from the dark.",
    "characters": "Ada, the keeper, who writes down everything that happens. Bo, her cousin, asleep in the lower room. The "
    "boat Marigold with two people on it, who steer by the light and by nothing else.",
    "places": "The rock and its tower, white with one red band. The open sea, first calm, then high. The lamp room, all "
    "glass. We stay outside for most of the night, low over the water, as the boat does.",
    "shots": "Twelve frames. Three of an evening, three of a storm that comes closer, one in which the light is gone, two in "
    "which it is back, three of a morning. The horizon never moves; the light does. Cut on the lightning.",
    "voice-over": "Three short parts, one for each act. A calm voice that does not act. It names what is seen and leaves the "
    "rest to the pictures. In the last part it reads from the log book, line by line.",
}
"""The steps of the script, and what the model writes in each."""

VOICE: Final = (
    "The lamp was lit at dusk. A boat went out, and the night was clear. Everything was written down.",
    "Then the storm came. At the seventh hour the light went out. Another hand took it up, and it went on.",
    "By morning the boat was home. The log book has no gap. Nothing was lost, and nothing was done twice.",
)
"""What the voice says, act by act."""

CAPTIONS: Final = (
    "Dusk. The rock, the tower, the first light of the evening.",
    "The Marigold leaves the harbour and sets her course by the lamp.",
    "Night. The beam turns over a calm sea, and stars stand above it.",
    "Clouds come up from the west and take the stars, one by one.",
    "Wind. The sea rises, the boat is small in it.",
    "Rain. Only the beam can still be seen from the water.",
    "Lightning strikes, and the lamp goes out.",
    "Bo takes over from Ada. The light goes on where it had stopped.",
    "From the boat they see it: a line of gold under the clouds.",
    "The storm thins out. Between the clouds there are stars again.",
    "First grey. The boat lies in the lee of the rock.",
    "Sunrise. In the log book not one hour of the night is missing.",
)
"""What the model says of each frame."""


@dataclass(frozen=True, slots=True)
class Written:
    """What the model wrote, and what that would have cost."""

    text: str
    tokens_input: int
    tokens_output: int

    @property
    def call(self) -> jt.ModelCall:
        """The row of the ledger: priced as a demo, and marked as such."""
        cost = self.tokens_input * _INPUT_PRICE + self.tokens_output * _OUTPUT_PRICE
        return jt.ModelCall(
            provider=PROVIDER, model=MODEL, input_tokens=self.tokens_input, output_tokens=self.tokens_output,
            cost_usd=cost.quantize(Decimal("0.000001")), price_source=PRICE_SOURCE,
        )  # fmt: skip


def written(prompt: str, text: str) -> Written:
    """The model's answer to a prompt: always the same."""
    return Written(text, len(prompt) // _LETTERS_OF_A_TOKEN + 12, len(text) // _LETTERS_OF_A_TOKEN + 1)


def streamed(text: str) -> Iterator[str]:
    """The words of an answer as they would come: a few at a time."""
    words = text.split()
    for at in range(0, len(words), _WORDS_OF_A_LINE):
        yield " ".join(words[at : at + _WORDS_OF_A_LINE])
