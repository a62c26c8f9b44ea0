"""What officers read, in English and Chinese: catalogues, and what codes mean in plain words."""
