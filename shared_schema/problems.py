"""Problem: everything that can be wrong with what a person or a device handed in, by stable code.

A Problem is raised near its cause with facts, and turned into a reply or a message once, at the
edge. Codes are part of the wire: never renamed, never reused.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from shared_schema.locale.filling import fill
from shared_schema.locale.terms import TERMS

Language = Literal["zh", "en"]


class Kind(msgspec.Struct, frozen=True):
    """One registered code: its sentences, its HTTP status, and whether sending again later may help."""

    zh: str
    en: str
    status: int = 400
    retry: bool = False


REGISTRY: Mapping[str, Kind] = {
    # requests and their edges
    "request_malformed": Kind("请求无法读取：{where}。请更新应用后重试。", "The request cannot be read: {where}. Update the app and try again."),
    "request_too_large": Kind("请求超过 {limit_bytes} 字节，请分批发送。", "The request is over {limit_bytes} bytes; send it in parts.", 413),
    "protocol_too_new": Kind("平板应用版本（协议 {theirs}）比服务器（{ours}）新，请先升级服务器；数据仍保存在平板上。", "The tablet speaks protocol {theirs}, newer than the server's {ours}: upgrade the server first; the data stays safe on the tablet.", 409, retry=True),
    "bases_unknown": Kind("服务器不认识这些记录所依据的较早记录，平板将自动完整重发。", "The server does not know earlier records that these refer to; the tablet sends them whole by itself.", 409, retry=True),
    "not_signed_in": Kind("请先登录。", "Please sign in.", 401),
    "sign_in_failed": Kind("账号或密码不正确。", "The account or the password is not right.", 401),
    "sign_in_throttled": Kind("尝试次数过多，请 {wait_seconds} 秒后再试。", "Too many attempts; try again in {wait_seconds} {wait_seconds:second|seconds}.", 429, retry=True),
    "not_allowed": Kind("当前身份不能执行此操作：{action}。", "Your role does not allow this: {action}.", 403),
    "not_found": Kind("没有找到：{what}。", "Not found: {what}.", 404),
    "csrf_missing": Kind("页面已过期，请刷新后重试。", "The page has expired; reload it and try again.", 403),
    "form_invalid": Kind("{field} 填写有误：{cure}。", "{field} is not filled in right: {cure}."),
    "busy": Kind("服务器繁忙，请稍后自动重试。", "The server is busy; it will be tried again.", 503, retry=True),
    "internal": Kind("服务器内部错误，编号 {reference}；数据未受影响。", "Internal server error, reference {reference}; no data was changed.", 500, retry=True),
    # devices
    "enrolment_code_invalid": Kind("注册码无效、已使用或已过期，请向协调员索取新码。", "The enrolment code is wrong, used or expired; ask the coordinator for a new one.", 403),
    "device_unknown": Kind("本平板未注册：{device}。请用注册码注册。", "This tablet is not enrolled: {device}. Enrol it with a code.", 401),
    "device_revoked": Kind("本平板已停用：{device}。请交回协调员。", "This tablet has been revoked: {device}. Hand it to the coordinator.", 403),
    "receipt_invalid": Kind("收到的内容没有本平板所注册服务器的正确签名，未采用。请确认网络（如热点的登录页）和服务器地址，或联系协调员。", "What came is not signed by the server this tablet is enrolled with and was not used. Check the network (it may want a sign-in) and the server's address, or ask the coordinator.", 401, retry=True),
    "server_untrusted": Kind("服务器的证书不受信任，什么也没有发送。请核对服务器地址和本机日期；如用自建证书机构，请操作员检查 HUCHA_TABLET_AUTHORITY 指定的证书文件，或更新服务器证书。", "The server's certificate is not trusted; nothing was sent. Check the server's address and this tablet's date; with an authority of your own, let the operator check the file that HUCHA_TABLET_AUTHORITY names, or renew the server's certificate.", 502, retry=True),
    "signature_invalid": Kind("平板签名不正确，内容在途中被改动或密钥不符。", "The tablet's signature does not match: changed on the way, or another key.", 401),
    "peer_unknown": Kind("平板 {device} 不在本检查组的名单中。请先让两台平板各与服务器同步一次。", "Tablet {device} is not on this squad's list. Let both tablets meet the server once, then try again.", 403),
    "line_gone": Kind("与组员平板的这次连接已经结束，请重新连接。", "This line to a colleague's tablet is over: connect again.", 401, retry=True),
    "token_expired": Kind("上传凭证已过期，请先同步一次再上传照片。", "The pass for photos is too old; exchange once with the server, then the photos go on.", 401, retry=True),
    # unlocking a tablet
    "tablet_locked": Kind("平板已锁定，请输入 PIN 解锁。", "The tablet is locked: unlock it with a PIN.", 403),
    "pin_wrong": Kind("PIN 不正确，还可以试 {left} 次；次数用完，本机数据将被销毁。", "The PIN is not right; {left} {left:try is|tries are} left, then the data on this tablet is destroyed.", 403),
    "pin_wait": Kind("输错次数较多，请 {wait_seconds} 秒后再试。", "Too many wrong PINs; try again in {wait_seconds} {wait_seconds:second|seconds}.", 429, retry=True),
    "pin_weak": Kind("请用 {least} 至 {most} 位数字，不能全部相同，也不能是连续数字。", "Use {least} to {most} digits, not all the same and not in a row.", 422),
    "pin_unknown": Kind("此人在本平板上还没有 PIN：{person}。请一位已有 PIN 的组员先解锁。", "This person has no PIN on this tablet yet: {person}. Let a member who has one unlock it first.", 404),
    "pin_spent": Kind("PIN 输错次数已用完，本机数据已销毁。", "All tries at the PIN were wrong; the data on this tablet has been destroyed.", 403),
    "keys_lost": Kind("本机密钥不在或已损坏：{path}。没有它，本机数据无法读出；请联系协调员。", "A key of this tablet is missing or damaged: {path}. Without it the data here cannot be read; ask the coordinator.", 500),
    # single operations
    "op_malformed": Kind("记录无法读取：{where}。", "The operation cannot be read: {where}."),
    "op_too_large": Kind("记录超过 {limit_bytes} 字节。", "The operation is over {limit_bytes} bytes."),
    "op_id_reused": Kind("同一编号已有不同内容：{op}。", "The same id already has other content: {op}.", 409),
    "op_wrong_device": Kind("记录来自另一台平板：{device}。", "The operation names another tablet: {device}."),
    "op_not_proven": Kind("记录由另一台平板（{device}）产生，但没有它的签名，已暂存待处理。", "The operation is by another tablet ({device}) and carries no signature of it; it is in quarantine."),
    "op_late": Kind("检查锁定之后才送到，已暂存，由统筹协调员决定是否补收。", "It came after the inspection was locked and is in quarantine: the coordinator decides whether to admit it."),
    "not_admissible": Kind("这条记录（{problem}）不能补收。", "This operation ({problem}) cannot be admitted.", 409),
    "inspection_unknown": Kind("没有这次检查：{inspection}。", "There is no such inspection: {inspection}.", 404),
    "author_not_allowed": Kind("{person} 不是本次检查的成员或无权作此记录（{kind}）。", "{person} is not on this inspection or may not record this ({kind}).", 403),
    "stage_forbids": Kind("检查处于“{stage}”阶段，不能再作此记录（{kind}）。", "The inspection is {stage}; this can no longer be recorded ({kind}).", 409),
    "item_unknown": Kind("清单中没有检查项 {item}。", "The checklist has no item {item}."),
    "answer_not_allowed": Kind("检查项 {item} 不接受这个答案：{cure}。", "Item {item} does not take this answer: {cure}."),
    "photo_forbidden": Kind("检查项 {item} 禁止拍照。", "No photo may be taken for item {item}.", 403),
    "photo_not_screened": Kind("检查项 {item} 的照片没有经另一名组员复看，已暂存，由统筹协调员决定是否补收。", "The photo for item {item} was not looked at by another member of the squad and is in quarantine: the coordinator decides whether to admit it.", 403),
    "substitute_invalid": Kind("不能改查 {register_no}：替换的计算机须在清册中、未被抽中，并写明原因。", "{register_no} cannot be checked instead: it must be in the inventory and not drawn, and a reason is needed."),
    "consent_needs_another": Kind("不适用须由另一名组员确认。", "N/A needs the consent of another member."),
    "scoring_blind": Kind("本次检查独立评分：现在不能作此记录（{kind}）。", "This visit is scored blind: this cannot be recorded now ({kind}).", 409),
    "blind_too_late": Kind("检查已经开始，不能再改是否独立评分。", "The visit has begun: whether it is scored blind can no longer change.", 409),
    "lead_unknown": Kind("没有这条线索：{lead}。", "There is no such lead: {lead}.", 404),
    "not_disputed": Kind("此处没有需要解决的分歧：{field}。", "Nothing is in dispute here: {field}.", 409),
    # files
    "photo_wrong_hash": Kind("照片内容与其编号不符，请重新上传。", "The photo's bytes do not match its hash; send it again.", 422, retry=True),
    "photo_too_large": Kind("照片超过 {limit_bytes} 字节。", "The photo is over {limit_bytes} bytes.", 413),
    "photo_too_many_pixels": Kind("照片超过 {limit_pixels} 像素，请用较小的尺寸重拍。", "The photo has over {limit_pixels} pixels; take it again at a smaller size.", 413),
    "tus_version_unsupported": Kind("不支持上传协议版本 {theirs}，本服务器使用 tus {ours}。", "Upload protocol version {theirs} is not supported; this server speaks tus {ours}.", 412),
    "upload_media_type": Kind("上传内容的类型须为 {wanted}。", "The body of an upload must be of type {wanted}.", 415),
    "upload_offset": Kind("上传位置不符，服务器已收到 {offset} 字节，请从该处继续。", "The upload is at another offset: the server holds {offset} {offset:byte|bytes}; go on from there.", 409, retry=True),
    "upload_taken_over": Kind("该照片已由较新的请求继续上传。", "A newer request goes on with this upload.", 423, retry=True),
    "uploads_too_many": Kind("本平板未传完的照片已达 {limit_count} 张，请先传完其中一些。", "This tablet has begun {limit_count} uploads and not finished them: finish some first.", 429, retry=True),
    "photo_damaged": Kind("照片文件不完整或已损坏，读不出来，没有保存。请重拍，或换一个文件。", "The photo is damaged or not whole and was not kept. Take it again, or choose another file.", 422),
    "camera_missing": Kind("本机没有可用的摄像头。可以从文件夹或存储卡选取照片。", "This tablet has no camera that can be used. A photo can be chosen from a folder or a card.", 503),
    "camera_failed": Kind("摄像头没有给出照片（{reason}）。请再试，或从文件夹选取。", "The camera gave no photo ({reason}). Try again, or choose one from a folder.", 503, retry=True),
    "code_unseen": Kind("画面里没有看清二维码。请让一个二维码完整、平整地占画面三分之一以上，光线足够，再扫一次；也可以手工输入。", "No square code was made out in the picture. Hold one code flat and in good light so that it fills a third of the picture, and scan again; or type it.", 422, retry=True),
    "code_foreign": Kind("这个二维码不是平板注册码。请扫描协调员屏幕上或注册单上的二维码。", "This square code enrols no tablet. Scan the one on the coordinator's screen or on the enrolment sheet.", 422),
    "photo_type": Kind("只接受 JPEG、PNG 或 WebP 照片。", "Only JPEG, PNG or WebP photos are taken.", 415),
    # packages
    "package_damaged": Kind("交换包损坏或不完整（{where}），没有导入任何内容。请重新拷贝。", "The package is damaged or not whole ({where}); nothing of it was taken. Copy it again."),
    "package_foreign": Kind("交换包不是给这里的：{what}。没有导入任何内容。", "The package is not meant for here: {what}. Nothing of it was taken.", 409),
    "package_incomplete": Kind("共 {count} 个分卷，已有 {have} 个，还缺第 {missing} 个。", "{have} of {count} {count:volume|volumes} came; missing: {missing}.", 409),
    "package_keys_missing": Kind("还没有对方的密钥，不能封装交换包。请先联网同步一次或重新注册。", "The receiver's key is not known, so no package can be sealed. Exchange over the network once, or enrol again.", 409),
    "package_suite": Kind("交换包使用密码套件 {suite}，本程序只支持 {ours}。", "The package is sealed with the suite {suite}; this program has only {ours}.", 409),
    "package_too_large": Kind("交换包超过限制（{what}：{limit}），没有导入任何内容。", "The package is over a limit ({what}: {limit}); nothing of it was taken.", 413),
    "package_too_new": Kind("交换包的格式（{theirs}）比本程序（{ours}）新，请先升级；没有导入任何内容。", "The package has format {theirs}, newer than this program's {ours}: upgrade first. Nothing of it was taken.", 409),
    "folder_unusable": Kind("用不了 {path}：不存在、已拔出、写保护或没有权限。请重新插好，或换一个位置再试。", "Cannot use {path}: not there, pulled out, write-protected, or not allowed. Put it in again, or take another place.", 409),
    "folder_full": Kind("{path} 空间不足，未写入。请清理空间，或换一个位置再试。", "No room left in {path}, and nothing was written. Free some space there, or take another place.", 507),
    "backup_damaged": Kind("备份损坏或不完整（{where}），没有恢复任何内容。", "The backup is damaged or not whole ({where}); nothing was restored."),
    "backup_foreign": Kind("{what} 中是另一台服务器的备份或密钥，没有备份任何内容。请换一个文件夹；要恢复那台服务器，请用 hucha restore。", "In {what} lie the backups or keys of another server, and nothing was backed up. Take another folder; to restore that server, use hucha restore.", 409),
    "file_invalid": Kind("{file} 第 {line} 行 {column}：{cure}", "{file} line {line}, {column}: {cure}"),
    # checklists, scoring, campaigns
    "checklist_invalid": Kind("清单有 {count} 处错误：{first}", "The checklist has {count} {count:error|errors}: {first}"),
    "checklist_too_new": Kind("这次检查的清单需要更新版本的应用：请升级，或换一台平板；已记录的内容不会丢失。", "This visit's checklist needs a newer app: update, or take another tablet; nothing recorded is lost.", 409),
    "checklist_unknown": Kind("没有这个版本的清单：{checklist}。", "There is no such checklist version: {checklist}.", 404),
    "checklist_in_use": Kind("清单 {code} {version} 已使用，不能修改；请改版本号后另存。", "Checklist {code} {version} is in use and cannot change; give it a new version.", 409),
    "not_scorable": Kind("没有适用的检查项，无法评分。", "No item applies, so there is no score.", 409),
    "freeze_blocked": Kind("还有 {count} 个单位不能冻结：{first}", "{count} {count:unit|units} cannot be frozen yet: {first}", 409),
    "draw_infeasible": Kind("{unit} 无法分派：{reason}", "{unit} cannot be assigned: {reason}", 409),
    "campaign_drawn": Kind("活动 {campaign} 已经抽过签，结果不再改变。请核对名册与种子，或换一个活动代码。", "Campaign {campaign} has been drawn, and a draw stands. Look at the registers and the seed, or take another code for the campaign.", 409),
    # stores
    "not_empty": Kind("{what} 中已有数据，没有恢复任何内容。请恢复到空的位置，或写明 --replace。", "There is data in {what} already, and nothing was restored. Restore to an empty place, or say --replace.", 409),
    "visit_purged": Kind("这次检查已全部交给服务器并有备份，本机已清除。需要时可重新取回。", "The server has all of this visit, and a backup of it; it has been cleared from this tablet. It can be fetched again.", 409),
    "schema_too_new": Kind("数据库版本 {theirs} 比本程序（{ours}）新，请升级程序；未作任何改动。", "The database is at version {theirs}, newer than this program's {ours}: upgrade the program. Nothing was changed.", 500),
    "schema_too_old": Kind("数据库版本 {theirs} 比本程序（{ours}）旧，请先运行 hucha migrate；未作任何改动。", "The database is at version {theirs}, older than this program's {ours}: run hucha migrate first. Nothing was changed.", 500),
    "store_in_use": Kind("{path} 正被另一个进程使用。请等它结束，或先结束它，再试一次。", "{path} is in use by another process. Wait until that is done, or end it first, then try again.", 500),
    "store_damaged": Kind("本机数据文件已损坏：{path}。原文件已保留，请联系协调员。", "The data file is damaged: {path}. It was kept as it is; ask the coordinator.", 500),
    "file_damaged": Kind("文件已损坏，无法解密：{path}。", "The file is damaged and cannot be decrypted: {path}.", 500),
    "server_full": Kind("服务器空间不足，暂不接收照片。照片仍在本机，稍后自动再传；记录照常同步。", "The server's disk is nearly full and takes no photos for now. They stay on this tablet and are sent again by themselves; records are synced as usual.", 507, retry=True),
    "disk_failing": Kind("存储设备读写出错，操作没有完成。请稍后重试；再次出现时请检查磁盘。", "The disk could not be read or written, so this was not done. Try again; if it happens again, have the disk looked at.", 500, retry=True),
    "disk_full": Kind("存储空间不足，未保存。请清理空间后重试。", "The disk is full and nothing was saved. Free some space and try again.", 507, retry=True),
}  # fmt: skip


class Problem(Exception):
    """Something is wrong with what was handed in; `code` is in REGISTRY, `facts` fill its sentences."""

    def __init__(self, code: str, /, **facts: object) -> None:
        super().__init__(code, facts)
        self.code = code
        self.facts = facts
        self.kind = REGISTRY[code]

    def message(self, language: Language = "zh") -> str:
        """The sentence for a person, naming place and cure."""
        return sentence(self.code, self.facts, language)

    def __str__(self) -> str:
        return f"{self.code}: {self.message('en')}"


WORDED: Mapping[str, str] = {
    "kind": "kind", "stage": "stage", "what": "what", "action": "action", "problem": "refused",
}  # fmt: skip
"""Facts that travel as the code of a term, and the family of that term."""
IN_BOTH = " / "
"""Between a cure's Chinese and its English."""


class _Facts(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "?"


def sentence(code: str, facts: Mapping[str, object], language: Language = "zh") -> str:
    """The sentence for a code and its facts; a code from a newer version is shown as it is."""
    kind = REGISTRY.get(code)
    if kind is None:
        return code
    said = {name: _word(name, str(fact), language) for name, fact in facts.items()}
    return fill(kind.zh if language == "zh" else kind.en, _Facts(said))


def _word(name: str, fact: str, language: Language) -> str:
    """What people call a fact that is a term of the field, a cure's half in this language; any other fact as it is."""
    if name == "cure" and IN_BOTH in fact:
        return fact.split(IN_BOTH, 1)[0 if language == "zh" else 1]
    term = TERMS.get(f"{WORDED[name]}.{fact}") if name in WORDED else None
    if term is None:
        return fact
    # In English it stands within the sentence.
    return term[0] if language == "zh" else term[1][:1].lower() + term[1][1:]
