"""Drawing candidates and having them judged: what the strategies share above answers and scores."""
