"""The words of the tour and of the practice visit."""

TABLET_LEARNING: dict[str, tuple[str, str]] = {
    # the offer on the work list
    "learn.title": ("第一次使用？", "New to this?"),
    "learn.explain": (
        "两分钟看一遍要点，或在练习单位上随便试：练习的内容不会送出，结束后全部删除。",
        "See the essentials in two minutes, or try everything on a practice unit: nothing of it leaves the tablet, and it is deleted at the end.",
    ),
    "learn.tour": ("两分钟入门", "Two-minute tour"),
    "learn.practise": ("练习一次", "Practise"),
    "learn.hide": ("不再显示", "Hide this"),
    # the practice
    "practice.short": ("练习", "Practice"),
    "practice.title": ("正在练习", "You are practising"),
    "practice.explain": (
        "随便点，不会影响真正的检查，也不会送出。点右上角姓名可换成另一名组员试试确认和分歧。",
        "Tap freely: it touches no real visit and is never sent. Behind the name at the top right you can become another member, to try consent and disputes.",
    ),
    "practice.end": ("结束练习", "End the practice"),
    # the tour
    "tour.title": ("两分钟入门 {number}/{count}", "Two-minute tour {number}/{count}"),
    "tour.skip": ("跳过", "Skip"),
    "tour.back": ("上一步", "Back"),
    "tour.next": ("下一步", "Next"),
    "tour.finish": ("看完了", "Done"),
    "tour.1": ("点一下就已保存", "A tap is saved at once"),
    "tour.1.text": (
        "每次点按先存到本机，再显示出来。没有网络照常工作，断电不丢；写到一半的字也留着。点错了，点底部的“撤销”。",
        "Every tap is on this tablet before it is shown. No network is needed, and nothing is lost when the power goes, half-typed text included. Tapped wrongly? *Undo* is at the bottom.",
    ),
    "tour.2": ("先开始检查", "Open the visit first"),
    "tour.2.text": (
        "在检查任务里点一个单位，点“开始检查”：勾选到场人员、已出示任务书、已询问回避。上次的问题和要核实的线索都列在上方。",
        "Tap a unit, then *Open the visit*: who is there, task letter shown, recusal asked. Findings of last time and leads to verify stand on top.",
    ),
    "tour.3": ("在列表里直接作答", "Answer in the list"),
    "tour.3.text": (
        "左边选类目，中间作答，右边看方法和依据。符合、不符合和数量直接点；其余的打开检查项填写。底栏的“下一项”带您到下一个未检查项。",
        "Sections at the left, answers in the middle, method and basis at the right. Met, not met and counts are tapped in the list; others are filled in at the item. The bar leads to the next open item.",
    ),
    "tour.4": ("问题和备注", "Findings and notes"),
    "tour.4.text": (
        "在检查项里点“记录问题”：时间、地点、看到什么、多少。不写涉密内容。加重扣分和一票否决只记次数和纸质记录编号。",
        "At an item tap *Record a finding*: when, where, what and how many. Nothing classified. Of aggravating items and vetoes only the count and the paper's number.",
    ),
    "tour.5": ("不一致不要紧", "Differences are fine"),
    "tour.5.text": (
        "组员记得不一样，两个结果都保留，显示为“有分歧”，由组长在评议时写明理由解决。不适用须另一名组员确认。",
        "Where members differ both results stay, as *disputed*, until the leader settles it with a reason. An N/A needs another member's consent.",
    ),
    "tour.6": ("评议、签字、提交", "Deliberate, sign, hand in"),
    "tour.6.text": (
        "“评议与签字”从上到下做完：还差什么、向单位反馈、单位说明、签字或拒签，组长提交。提交后不能再改，退回的除外。",
        "*Closing*, top to bottom: what is left, findings read to the unit and its word, signatures or refusals; the leader hands in. Then nothing changes unless it is sent back.",
    ),
    "tour.7": ("同步和锁定", "Sync and lock"),
    "tour.7.text": (
        "连得上服务器时自动同步；左下角一直显示还有几条没送到，点开可立即同步，也可与组员的平板互传。离开时点右上角的锁。",
        "It syncs by itself when it can; the lower left always says what is not there yet. Tap it to sync now, or to exchange with a colleague's tablet. Lock it when you walk away.",
    ),
}
