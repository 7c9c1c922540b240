"""The words of unlocking a tablet: PINs, locking, and what is said when its data is gone or damaged."""

UNLOCK: dict[str, tuple[str, str]] = {
    "unlock.title": ("平板已锁定", "This tablet is locked"),
    "unlock.who": ("请选择您的姓名，再输入 PIN。", "Choose your name, then enter your PIN."),
    "unlock.others": (
        "还没有 PIN 的组员：请上面的一位先解锁，再点“换一位使用”。",
        "No PIN on this tablet yet? Let one of the members above unlock it, then tap 'Someone else takes over'.",
    ),
    "unlock.enter": ("请输入您的 PIN", "Enter your PIN"),
    "unlock.old": ("请输入现在的 PIN", "Enter your PIN of now"),
    "unlock.set": ("请设置您的 PIN", "Set your PIN"),
    "unlock.set_explain": (
        "6 至 12 位数字，只有您知道。以后每次使用本平板都要输入；忘记了须由组长处理。",
        "6 to 12 digits that only you know. This tablet asks for them each time; if you forget them, the leader helps.",
    ),
    "unlock.again": ("请再输入一次", "Enter it once more"),
    "unlock.differ": ("两次输入不一致，请重新设置。", "The two were not the same. Set it again."),
    "unlock.left": ("还可以试 {left} 次", "{left} {left:try|tries} left"),
    "unlock.left_one": (
        "最后一次：再输错，本机数据将被销毁",
        "Last try: another wrong PIN destroys the data on this tablet",
    ),
    "unlock.wait": ("请等待 {wait}", "Wait {wait}"),
    "unlock.working": ("正在解锁…", "Unlocking…"),
    "unlock.changed": ("PIN 已修改", "Your PIN has been changed"),
    "unlock.other_person": ("换一位", "Someone else"),
    "unlock.clock": (
        "平板时钟显示 {when}，明显不对。请在系统设置中校准；记录不会丢，但时间会写错。",
        "This tablet's clock says {when}, which cannot be right. Set it in the system; nothing is lost, but times recorded will be wrong.",
    ),
    "unlock.change": ("修改 PIN", "Change PIN"),
    "unlock.forgotten": ("组员忘记 PIN", "A member forgot their PIN"),
    "unlock.forgotten_explain": (
        "点姓名清除其 PIN。该组员下次使用时重新设置。请当面确认是本人。",
        "Tap a name to take the PIN away; the member sets a new one at the next use. Make sure in person that it is them.",
    ),
    "unlock.forgotten_none": (
        "没有其他组员在本平板上设置过 PIN。",
        "No other member has a PIN on this tablet.",
    ),
    "unlock.taken_away": ("已清除 {name} 的 PIN", "{name} can set a new PIN now"),
    # destroyed
    "wiped.title": ("本机数据已销毁", "The data on this tablet has been destroyed"),
    "wiped.pin": (
        "PIN 连续输错 10 次，{when} 本机的密钥和数据已销毁，无法恢复。已同步到服务器的记录不受影响；未同步的，可由同组其他平板补送。",
        "After 10 wrong PINs, on {when}, the keys and data on this tablet were destroyed for good. What had reached the server is safe; what had not may still be on a colleague's tablet.",
    ),
    "wiped.revoked": (
        "协调员已停用本平板。记录全部送达后，{when} 本机的密钥和数据已销毁。",
        "The coordinator has revoked this tablet. Once everything had been handed in, its keys and data were destroyed on {when}.",
    ),
    "wiped.cure_pin": (
        "请告诉协调员。取得新的注册码后，可重新设置这台平板。",
        "Tell the coordinator. With a new enrolment code this tablet can be set up again.",
    ),
    "wiped.cure_revoked": (
        "请把平板交回协调员。需要再用时，凭新的注册码重新设置。",
        "Hand the tablet back to the coordinator. To be used again it needs a new enrolment code.",
    ),
    "wiped.left": (
        "有 {count} 个文件没能删除，例如 {name}。每次启动会再试；仍在的，请把平板交回协调员，不要再用。",
        "{count} {count:file|files} could not be removed, such as {name}. Each start tries again; if it stays, hand the tablet back and do not use it.",
    ),
    "wiped.anew": ("重新设置这台平板", "Set this tablet up again"),
    # damaged
    "damaged.title": ("本机数据文件已损坏", "The data file on this tablet is damaged"),
    "damaged.copy": (
        "最近的完好副本：{when}，含本机记录 {operations} 条，其中服务器已收到 {received} 条。此后的记录，已同步的会从服务器取回；没有同步的在损坏的文件里。",
        "Last good copy: {when}, with {operations} of this tablet's own records, {received} of them received by the server. What was recorded later comes back from the server if it had been synced; what had not is in the damaged file.",
    ),
    "damaged.kept": (
        "损坏的文件会原样保留，供技术人员恢复。使用副本后请立即同步，并告诉协调员。",
        "The damaged file is kept as it is, for somebody who can mend it. After going on with the copy sync at once, and tell the coordinator.",
    ),
    "damaged.none": (
        "没有完好的副本。已同步的记录都在服务器上。请不要再用这台平板，交协调员处理；损坏的文件已原样保留。",
        "There is no good copy. What had been synced is on the server. Stop using this tablet and hand it to the coordinator; the damaged file was kept as it is.",
    ),
    "damaged.use": ("用副本继续", "Go on with the copy"),
    "problem.title": ("暂时无法打开", "It cannot be opened now"),
    "problem.full": (
        "核对 PIN 前须先记下这次尝试，存储已满就记不下。请在系统里删除别的文件（视频、下载），再试一次；本机的记录都在。打开后立即同步，并在同步中心清理。",
        "A try at a PIN is written down before it is made, and the disk has no room for that. Delete other files in the system (videos, downloads) and try again; everything recorded here is safe. Once it is open, sync at once and clear the tablet in the sync center.",
    ),
    "problem.retry": ("再试一次", "Try again"),
}
