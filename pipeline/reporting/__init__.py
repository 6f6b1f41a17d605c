"""What a person reads at the end and meanwhile: summaries, agreement with truth, progress."""
