"""Sources of video: files, folders, stills, RTSP and webcams."""
