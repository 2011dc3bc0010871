"""Whether two answers are equal as mathematics, found out where hostile input can do no harm."""
