"""What buildozer's description cannot say: the FileProvider through which the camera program is given one file.

python-for-android calls `after_apk_build` once it has written the manifest and before Gradle packs. Not run yet.
"""

from pathlib import Path
from typing import Any

PROVIDER = """
        <provider
            android:name="androidx.core.content.FileProvider"
            android:authorities="{package}.fileprovider"
            android:exported="false"
            android:grantUriPermissions="true">
            <meta-data
                android:name="android.support.FILE_PROVIDER_PATHS"
                android:resource="@xml/camera_paths" />
        </provider>
    """
PATHS = """<?xml version="1.0" encoding="utf-8"?>
<paths>
    <files-path name="camera" path="data/camera/" />
</paths>
"""
"""All that is ever handed out: the folder beside that of photos, within the app's own files (main.py)."""


def after_apk_build(toolchain: Any) -> None:
    """Adds the provider and its paths to what Gradle packs."""
    main = Path(toolchain._dist.dist_dir) / "src" / "main"
    manifest = main / "AndroidManifest.xml"
    manifest.write_text(with_provider(manifest.read_text(encoding="utf-8")), encoding="utf-8")
    (main / "res" / "xml").mkdir(parents=True, exist_ok=True)
    (main / "res" / "xml" / "camera_paths.xml").write_text(PATHS, encoding="utf-8")


def with_provider(manifest: str) -> str:
    """The manifest with the provider in its application; as it is, where it has it already."""
    before, end, after = manifest.rpartition("</application>")
    if not end:
        raise ValueError("the manifest has no application")
    if "androidx.core.content.FileProvider" in manifest:
        return manifest
    package = manifest.partition('package="')[2].partition('"')[0]
    return before + PROVIDER.format(package=package or "${applicationId}") + end + after
