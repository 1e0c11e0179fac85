"""Times what surrounds the networks beside the ways people do it in Python."""
