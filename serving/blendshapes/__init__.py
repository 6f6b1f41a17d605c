"""The blendshape scorer: MediaPipe's face mesh and blendshapes read as action units."""
