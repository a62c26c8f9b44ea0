"""Evidence in, admit or refer out: policy, calibration, reason codes, passage states; pure."""
