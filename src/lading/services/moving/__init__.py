"""Moving in, out and elsewhere: what another registry has becomes this one's, and the other way.

Each can be interrupted and done again: what is there already is found out by looking.
"""
