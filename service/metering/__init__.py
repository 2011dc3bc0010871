"""The engine and the scorers as a strategy sees them: counted, limited, timed and checked, once for all strategies."""
