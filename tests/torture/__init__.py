"""What disks, kills, clocks and crowds can do to the real programs; `make torture` runs the release counts."""
