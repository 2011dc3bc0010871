"""From text to answers to groups of equal answers: pure functions shared by the strategies."""
