"""What a tablet says of packages, without a screen and with one."""

PACKAGES: dict[str, tuple[str, str]] = {
    "package.written": (
        "交换包 {code}：{operations} 条记录，{photos} 张照片。请连同以上文件一并携带，回执上应有同样的编号。",
        "Package {code}: {operations} {operations:operation|operations}, {photos} {photos:photo|photos}. Carry the files above; the receipt must show the same code.",
    ),
    "package.left": (
        "还有 {photos_left} 张照片放不下，请在收到回执后再写一个交换包。",
        "{photos_left} {photos_left:photo|photos} found no room: write another package after the receipt.",
    ),
    "package.told": (
        "已读入 {code}：{accepted} 条已收，{refused} 条被拒收，{news} 条新记录。",
        "Read {code}: {accepted} received, {refused} refused, {news} new.",
    ),
    "package.late": (
        "此文件读入较晚，其中可能已过时的内容未采用。",
        "It was read late; what may have been overtaken was left out.",
    ),
    "package.revoked": (
        "服务器已停用本平板，请交回协调员。",
        "The server has revoked this tablet: hand it to the coordinator.",
    ),
}
