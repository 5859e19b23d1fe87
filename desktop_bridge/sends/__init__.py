"""One approved part on its way out: state machine, proof, pacing and limits, written against two ports."""
