"""OpenAI's shapes and ours: requests in, replies, chunks, errors and usage out. No I/O."""
