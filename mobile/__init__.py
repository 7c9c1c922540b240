"""The tablet: fills in an inspection without a network and exchanges operations when there is one."""
