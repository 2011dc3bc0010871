"""HTTP as both clients use it: one attempt, its deadline, its reply or stream of events, and when to try again."""
