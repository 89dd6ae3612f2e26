"""Keys, roots and passwords are replaced while requests go on: one file per subject, all of the same shape.

remember()      what is old, written down (0600) before anything changes
steps(old)      what is done, in order; a step may be done twice, so a run that died in it does it again
request()       what the load asks for; asked again after every step
refused(old)    the old root, key or password, really tried
"""
