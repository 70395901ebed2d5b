"""Stages and outputs: everything a project declares."""
