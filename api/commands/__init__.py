"""The desk's commands, by what they are about; `api.__main__` puts them together."""
