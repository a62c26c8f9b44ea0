"""One command of the benchmarks a module; `benchmarks.__main__` puts them together."""
