"""Pure work on data: decode, detect, track, align, judge, smooth, window; no network, no clock."""
