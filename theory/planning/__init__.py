"""The inverse questions: how much fresh data, how many points, which schedule.

A target on a quantity after N generations, one unknown, the rest given: every relation that
applies answers (`theory.planning.answers`), says what it assumes, and whether it is a
guarantee, an exact prediction or a rate. `theory.planning.budget` spends a limited amount
of fresh data.
"""
