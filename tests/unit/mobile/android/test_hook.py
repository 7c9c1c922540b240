"""What is put into Android's package beside buildozer's description, tried on a manifest as it is written."""

import xml.etree.ElementTree as ET
from pathlib import Path
from types import SimpleNamespace

import pytest

from mobile.android.hook import after_apk_build, with_provider
from mobile.photo_sources import left_behind

ANDROID = "{http://schemas.android.com/apk/res/android}"
MANIFEST = """<?xml version="1.0" encoding="utf-8"?>
<manifest xmlns:android="http://schemas.android.com/apk/res/android" package="cn.hucha.huchatablet">
    <application android:label="@string/app_name" android:allowBackup="false">
        <activity android:name="org.kivy.android.PythonActivity" android:exported="true" />
    </application>
</manifest>
"""


def test_the_provider_hands_out_the_cameras_folder_and_nothing_else(tmp_path: Path) -> None:
    """In the application, under the name the source asks for, to nobody who was not given the file."""
    main = tmp_path / "src/main"
    main.mkdir(parents=True)
    (main / "AndroidManifest.xml").write_text(MANIFEST, encoding="utf-8")
    after_apk_build(SimpleNamespace(_dist=SimpleNamespace(dist_dir=str(tmp_path))))
    application = ET.parse(main / "AndroidManifest.xml").getroot().find("application")
    assert application is not None
    (provider,) = application.findall("provider")
    assert provider.get(f"{ANDROID}authorities") == "cn.hucha.huchatablet.fileprovider"
    assert provider.get(f"{ANDROID}exported") == "false"
    assert provider.get(f"{ANDROID}grantUriPermissions") == "true"
    (about,) = provider.findall("meta-data")
    assert about.get(f"{ANDROID}resource") == "@xml/camera_paths"
    (path,) = ET.parse(main / "res/xml/camera_paths.xml").getroot()
    assert (path.tag, path.get("path")) == ("files-path", "data/camera/")
    # main.py: the data lie in the app's own files, under `data`.
    assert left_behind(Path("data/photos")) == Path("data/camera")


def test_the_manifest_is_changed_once() -> None:
    """However often the package is built; one that is no manifest is a mistake and not passed over."""
    once = with_provider(MANIFEST)
    assert with_provider(once) == once
    assert len(list(ET.fromstring(once).iter("provider"))) == 1
    with pytest.raises(ValueError, match="no application"):
        with_provider("<manifest/>")
