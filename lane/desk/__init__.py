"""The lane's side of the desk: outbox, HTTP client, status reports and supervisors' commands."""
