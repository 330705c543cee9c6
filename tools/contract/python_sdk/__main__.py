"""Calls a Lethe with EngageLab's official Python client, unmodified: the registry, sending and statistics.

Prints one line for each result and ends with 1 at the first that is not the expected one. See check.py for its argument.
"""

import engagelab
from check import calls
from refusals import refusals
from registry import registry
from sending import sending
from status import status

for chapter in (registry, sending, refusals, status):
    chapter()
print(f"  {calls()} results of engagelab-apppush {engagelab.__version__}, all as expected")
