"""Rows of logins: who was right lately, who guesses, who is signed in, and secrets of replicas."""
