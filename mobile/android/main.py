"""Where the Android package begins; buildozer looks for a file of this name."""

import os

from android.storage import app_storage_path  # brought by python-for-android

# The data and the secret lie in the app's own storage, which no other app and no cable reads.
os.environ.setdefault("HUCHA_TABLET_DATA", app_storage_path() + "/data")
os.environ.setdefault("HUCHA_TABLET_SECRETS", app_storage_path() + "/secrets")

from mobile.main import main

main([])
