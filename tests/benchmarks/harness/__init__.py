"""What every benchmark uses: drawn frames, a lane's measuring, timing, stamp, result and command line."""
