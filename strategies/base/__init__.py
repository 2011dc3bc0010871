"""What every strategy shares: the nouns, the ports it is handed, the budget and the errors."""
