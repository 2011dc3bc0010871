"""What the image is made with, and what tries it out without a container daemon."""
