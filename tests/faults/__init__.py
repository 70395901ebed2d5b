"""Kills, full disks, races: nothing may be lost."""
