"""The lane's facts: hash chain, Merkle tree, journal on disk, and the check of its clock."""
