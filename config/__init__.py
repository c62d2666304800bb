"""Facts that the generator and the deployer share: names and environments."""
