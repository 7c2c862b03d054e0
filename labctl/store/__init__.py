"""Runs on disk: journal while measuring, NeXus file afterwards."""
