"""Render the repository's sample call from the ICT-FaceKit head model."""
