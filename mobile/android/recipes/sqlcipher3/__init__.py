"""python-for-android recipe for sqlcipher3, which has none upstream. Written from its setup.py; not built yet.

The release archive holds the SQLCipher sources as one C file. Its setup.py fetches an OpenSSL with conan where
conan can be imported, and otherwise links `-lcrypto`: here that is the OpenSSL recipe's.
"""

from typing import Any

from pythonforandroid.recipe import CompiledComponentsPythonRecipe


class Sqlcipher3Recipe(CompiledComponentsPythonRecipe):
    """Builds sqlcipher3._sqlite3 against OpenSSL for one processor."""

    version = "0.6.4"
    url = "https://github.com/coleifer/sqlcipher3/archive/refs/tags/{version}.tar.gz"
    name = "sqlcipher3"
    site_packages_name = "sqlcipher3"
    depends = ["openssl", "setuptools"]
    call_hostpython_via_targetpython = False

    def get_recipe_env(self, arch: Any = None, **kwargs: Any) -> dict[str, str]:
        """The compiler's environment, with OpenSSL's headers and libraries."""
        env: dict[str, str] = super().get_recipe_env(arch, **kwargs)
        openssl = self.get_recipe("openssl", self.ctx)
        env["CFLAGS"] += openssl.include_flags(arch)
        env["LDFLAGS"] += openssl.link_dirs_flags(arch)
        env["LIBS"] = env.get("LIBS", "") + openssl.link_libs_flags()
        return env


recipe = Sqlcipher3Recipe()
