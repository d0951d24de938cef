"""What the notebooks show: one module computes it, one shows it, for each of them.

A notebook holds layout and sliders only. `NAME` holds what the sliders set (`Settings`),
what theory says of it (`theory`) and what happens (`simulate`), each one jitted call with
fixed shapes; `NAME_page` makes pictures, tables and sentences of them.
"""
