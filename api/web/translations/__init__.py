"""What codes mean in the officers' languages."""
