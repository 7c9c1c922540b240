"""The words of blind scoring and of leads to verify, on the tablet."""

TABLET_BRIEFING: dict[str, tuple[str, str]] = {
    # blind scoring
    "blind.title": ("独立评分", "Blind scoring"),
    "blind.explain": (
        "各人评各人的，全部成员结束后才互相看见；之后分歧并排显示。",
        "Everybody scores alone. Colleagues' answers appear once all have closed; then differences stand side by side.",
    ),
    "blind.prepared": (
        "本次检查独立评分：全部成员结束前，互相看不到作答。",
        "This visit is scored blind: nobody sees a colleague's answers before all have closed.",
    ),
    "blind.close": ("结束我的评分", "Close my scoring"),
    "blind.close_title": ("结束我的评分", "Close my scoring"),
    "blind.close_explain": (
        "结束后，在全部成员都结束之前您不能再作答，也不能撤回。未作答的项目保持未检查。",
        "Until all have closed you can answer nothing more, and this cannot be taken back. What you left open stays open.",
    ),
    "blind.close_open": ("您还有 {count} 项没有作答", "You have left {count} {count:item|items} open"),
    "blind.close_none_open": ("您已全部作答", "You have answered every item"),
    "blind.closed": ("您的评分已结束", "Your scoring is closed"),
    "blind.waiting": ("等待：{names}", "Waiting for {names}"),
    "blind.onlooker": ("本次检查正在独立评分", "The visit is being scored blind"),
    "blind.done": ("您的评分已结束", "Your scoring is closed"),
    "blind.other_record": ("结束其评分", "Close their scoring"),
    "blind.other": ("代组员结束…", "Close for a member…"),
    "blind.other_title": ("代组员结束评分", "Close a member's scoring"),
    "blind.other_explain": (
        "组员中途离开、平板损坏等，由组长代为结束，并写明原因。",
        "For a member who had to leave or whose tablet broke; the reason is recorded.",
    ),
    "blind.other_reason": ("原因", "Why"),
    "blind.other_cure": ("请选择组员并写明原因。", "Choose a member and give the reason."),
    "blind.other_done": ("已代为结束", "Closed for them"),
    # leads
    "lead.title": ("需要核实的线索", "Leads to verify"),
    "lead.banner": ("{count} 条线索待核实", "{count} {count:lead|leads} to verify"),
    "lead.see": ("查看", "See them"),
    "lead.all": ("线索 {count}", "Leads {count}"),
    "lead.record": ("记录核实结果", "Record what was found"),
    "lead.record_title": ("线索核实", "What was found of the lead"),
    "lead.note": ("核实情况", "What was seen"),
    "lead.note_hint": (
        "看了什么、问了谁的岗位；不写涉密内容",
        "What was looked at; nothing classified, no names",
    ),
    "lead.choose": ("请选择属实或查无此事。", "Choose whether it is true."),
    "lead.none": ("协调员没有交代线索。", "The coordinator has given no leads."),
    "lead.done": ("已记录", "Recorded"),
    "work.leads": ("{count} 条线索待核实", "{count} {count:lead|leads} to verify"),
    "work.blind": ("独立评分", "Scored blind"),
}
