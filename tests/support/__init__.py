"""What several tests share: running desks, lanes, browsers, servers."""
