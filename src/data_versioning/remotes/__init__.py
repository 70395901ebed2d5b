"""Named remotes: where objects lie on them and how they travel."""
