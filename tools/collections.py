#!/usr/bin/env python3
"""Published collections into what `narabi reproduce` reads: tools/collections.py --help. See published_collections.py.

Python has a module of this file's name, which everything imports, and whoever starts a script of this folder gets
this file for it. So it does nothing but step aside.
"""

import sys

HERE = __file__.rpartition("/")[0]
sys.path[:] = [entry for entry in sys.path if entry != HERE]
if __name__ == "collections":
    del sys.modules["collections"]
    import collections  # Python's own, which takes this module's place in sys.modules
    sys.path.insert(0, HERE)
elif __name__ == "__main__":
    import collections
    sys.path.insert(0, HERE)
    import published_collections
    published_collections.main()
