"""Audit of a loop of one's own: what its samples show, what the theories say of it.

`reading` takes files, `clouds` the points and the space to compare them in, `measuring` what
samples allow; `drift` is the geometry of its steps, `fitting` what the theories leave free,
`forecasts` what they predict next; `regime` names the loop, `report` and `page` print it.
"""
