"""The live view: a page in a browser that shows hands, keys, muscles and cameras, live or from a recording.

`ViewState` hears the graph's messages as bytes, `Feed` makes of it what one browser is sent next,
`ViewServer` serves the page on this machine. Nothing here knows ROS.
"""
