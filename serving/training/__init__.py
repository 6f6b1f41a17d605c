"""Offline fitting of the models; nothing here runs when faces are scored."""
