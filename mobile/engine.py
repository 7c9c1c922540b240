"""The tablet's database engine: SQLCipher under sqlite-utils. Who needs either imports it from here.

sqlite-utils catches the exceptions of the engine it finds at its own import, `pysqlite3` before the standard
library's. Under that name it is given SQLCipher, or it would let SQLCipher's errors pass as if they were bugs.
"""

import sys

import sqlcipher3
from sqlcipher3 import dbapi2

sys.modules["pysqlite3"] = sqlcipher3
sys.modules["pysqlite3.dbapi2"] = dbapi2

from sqlite_utils import Database, utils  # noqa: E402

if vars(utils)["sqlite3"].connect is not dbapi2.connect:
    raise ImportError("sqlite_utils was imported before mobile.engine, and holds another engine")

Connection = dbapi2.Connection
DatabaseError = dbapi2.DatabaseError
connect = dbapi2.connect

__all__ = ["Connection", "Database", "DatabaseError", "connect"]
