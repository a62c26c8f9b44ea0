"""How usable a face is: a table of components, a function for each measure, no verdict and no limit.

Names follow ISO/IEC 29794-5 components where one is meant; each docstring says what is as the standard has it
and what stands in. A component has a raw value in its own unit, on which a policy sets limits, and a value
from 0 to 100 as the standard maps it; what could not be taken is *not assessed* in both.
"""
