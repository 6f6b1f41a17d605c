"""Colours, sizes and words of the timeline picture."""

from matplotlib.colors import LinearSegmentedColormap

WIDTH_PX = 1600
DPI = 125
WIDTH_IN = WIDTH_PX / DPI
LEFT_IN = 2.35
RIGHT_IN = 1.55
MARGIN_IN = 0.35
RIBBON_IN = 1.02

INK = "#1f2933"
SOFT = "#5f6c7b"
FAINT = "#d9dee4"
PAPER = "#ffffff"
PANEL = "#f6f7f9"
SPEAKING = "#33475b"
ABSTAINED = "#c98a00"
SKIPPED = "#8a94a0"
SCORED = "#9fc6b8"
MEASURED = "#0b5fa5"

# After Okabe and Ito (2008): told apart with every common kind of colour blindness; neutral and
# contempt also differ from the rest in lightness.
# In the order of the ribbon, from the bottom: what is shown rises like hills below neutral.
EMOTION_COLOURS = {
    "happiness": "#f0b323",
    "surprise": "#56b4e9",
    "sadness": "#1f6fb2",
    "fear": "#cc79a7",
    "disgust": "#009e73",
    "anger": "#d55e00",
    "contempt": "#4b3b5c",
    "neutral": "#e6e9ed",
}
# One hue, light to dark: reads the same in grey.
HEAT = LinearSegmentedColormap.from_list(
    "facestate_heat", ["#f6f7f9", "#cfe1ee", "#8fbcdb", "#3f86bf", "#0b4f8a", "#062f57"]
)

TICK_STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200,
                14400, 21600, 43200, 86400)  # fmt: skip
TICKS_MAX = 13

FOOTER = (
    "Shows what faces show, not what people feel. Expression: share of each prototype. "
    "AU: probability from 0 to 1."
)
