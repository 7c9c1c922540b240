"""On Android nothing of the screens is kept by the system: no screenshot, no picture in the list of recent programs."""

from kivy.utils import platform

HERE = platform == "android"


def guard() -> None:
    """Marks the window as secure (FLAG_SECURE), on the thread that Android wants for it. Not tried on a device yet."""
    if HERE:
        from android.runnable import run_on_ui_thread

        run_on_ui_thread(_guard)()


def _guard() -> None:
    from jnius import autoclass

    secure = autoclass("android.view.WindowManager$LayoutParams").FLAG_SECURE
    autoclass("org.kivy.android.PythonActivity").mActivity.getWindow().addFlags(secure)
