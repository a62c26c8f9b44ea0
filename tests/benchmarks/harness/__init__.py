"""What every benchmark uses: drawn frames, a lane's measuring, timing, stamp, options and output."""
