"""The tablet's screens: each draws the rows it is given and reports what was tapped."""
