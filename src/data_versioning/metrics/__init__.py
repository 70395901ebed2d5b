"""What metric and parameter files say, at any revision, and how two sides differ."""
