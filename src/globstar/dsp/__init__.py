"""Pure signal processing: G.711, gain, mixing, tones, DTMF, resampling."""
