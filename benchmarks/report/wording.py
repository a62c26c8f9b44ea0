"""What a report says, in each of its languages."""

from collections.abc import Mapping

LANGUAGES = ("en", "zh")
TAGS = {"en": "en", "zh": "zh-Hans"}
"""As a page names its language."""

WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("Passenger Lane: what was measured", "智能边检通道：测量报告"),
    "lead": (
        "What each machine carries, how late it decides, and how near it comes to what it can do. "
        "Every figure is from a result of this product’s own benchmarks; the stamps below say on what.",
        "各台机器能承载多少条通道、作出判定需要多久、达到自身能力的多少。"
        "所有数字均来自本产品自带的性能测试；测量条件见文末。",
    ),
    "verdict": ("Verdict", "结论"),
    "lanes": ("Lanes it carries", "可承载通道数"),
    "lanes_how": (
        "each at {rate} frames a second, 99 of 100 decisions within {limit} ms of the last frame",
        "每条通道每秒 {rate} 帧，99% 的判定在末帧后 {limit} 毫秒内作出",
    ),
    "or_more": ("or more: no more were tried", "或更多：未再增加测试"),
    "none_carried": ("not even one kept within the limit", "一条也未能保持在限值内"),
    "tail": ("Frame to gate, 99 of 100 within", "从画面到闸门（99% 以内）"),
    "tail_how": (
        "on {provider}, {threads} threads; half within {half}",
        "{provider}，{threads} 个线程；半数在 {half} 以内",
    ),
    "samples": ("of {n} measured", "共测量 {n} 次"),
    "few": ("fewer than 100: the tail is a first look", "少于 100 次：尾部延迟仅供初步参考"),
    "busy": (
        "above 100 %, which cannot be: the machine was busy; measure again",
        "超过 100%，不可能：测量时机器繁忙，请重新测量",
    ),
    "share": ("Share of what the machine can do", "达到机器能力上限的比例"),
    "share_how": (
        "by the network with most work, {network}; all: {low} to {high}",
        "运算量最大的网络 {network}；全部网络：{low} 至 {high}",
    ),
    "overhead_how": ("the lane’s own work adds {overhead}", "通道自身处理另增 {overhead}"),
    "not_measured": ("not measured", "未测量"),
    "measure_with": ("to measure:", "测量命令："),
    "figures": ("Figures", "测量数据"),
    "figure": ("Figure", "项目"),
    "value": ("Value", "数值"),
    "step": ("Step", "步骤"),
    "tails_chart": ("99 of 100 within, ms", "99% 以内，毫秒"),
    "lanes_chart": ("Decisions at each number of lanes", "不同通道数下的判定时间"),
    "lanes_axis": ("lanes", "通道数"),
    "limit_line": ("limit {limit} ms", "限值 {limit} 毫秒"),
    "apart": (
        "These stand apart, since they cannot be held against each other: {why}",
        "以下结果分别列出，因为无法直接比较：{why}",
    ),
    "unread": ("This benchmark has no figures in this report.", "本报告不含此项测试的数据。"),
    "elsewhere": ("Not measured there", "该机器上未测量"),
    "stamps": ("What the figures depend on", "测量条件"),
    "date_utc": ("Date (UTC)", "日期（UTC）"),
    "commit": ("Commit", "代码版本"),
    "policy": ("Policy", "策略版本"),
    "cpu": ("Processor", "处理器"),
    "features": ("Its features", "指令集"),
    "cores": ("Cores used", "可用核数"),
    "quota_cores": ("Quota of cores", "核数配额"),
    "memory_bytes": ("Memory", "内存"),
    "memory_limit_bytes": ("Limit of memory", "内存限额"),
    "gpu_models": ("GPUs", "GPU"),
    "gpu_driver": ("GPU driver", "GPU 驱动"),
    "os": ("System", "操作系统"),
    "python": ("Python", "Python"),
    "libraries": ("Libraries", "软件库"),
    "threads": ("Threads", "线程数"),
    "ran on": ("Each network ran on", "各网络实际运行于"),
    "arithmetic": ("The matcher computed in", "比对网络的运算精度"),
    "weights": ("SHA-256 of the weights", "权重文件 SHA-256"),
    "clock": ("Clock", "时钟"),
    "frames": ("Frames", "画面"),
    "none": ("none", "无"),
    "core": ("{count} cores", "{count} 核"),
}
"""English, Chinese."""

NAMES: Mapping[str, tuple[str, str]] = {
    "latency": ("Latency", "延迟"),
    "capacity": ("Capacity", "承载能力"),
    "limit": ("Limit", "能力上限"),
    "peers": ("Beside other software", "与其他软件对比"),
    "soak": ("Endurance", "长时间运行"),
    "desk": ("Officers’ desk", "核查台"),
    "accuracy": ("Accuracy", "准确度"),
    "rounding": ("In bfloat16", "bfloat16 运算"),
    "attacks": ("Presentation attacks", "呈现攻击"),
    "ingredients": ("Templates", "特征模板"),
    "film": ("A film as a camera", "录像作为相机"),
    "graphs": ("networks", "网络"),
    "ceilings": ("what the machine can do", "机器能力上限"),
    "steps": ("steps", "步骤"),
    "end to end": ("last frame to gate", "从末帧到闸门"),
    "frame to decision": ("work on one frame", "单帧处理"),
    "first frame to gate": ("first frame to gate", "从首帧到闸门"),
    "decode": ("decode", "解码"),
    "detect": ("find the face", "人脸检测"),
    "align": ("align", "对齐"),
    "quality": ("quality", "质量评估"),
    "liveness": ("liveness", "活体线索"),
    "embed": ("embed", "特征提取"),
    "compare": ("compare", "比对"),
    "decide": ("decide", "判定"),
    "ledger": ("ledger", "写入账本"),
    "gate": ("gate", "闸门指令"),
    "decision": ("decision", "判定"),
    "lanes": ("lanes", "通道数"),
    "share of limit": ("share of the limit", "达到上限的比例"),
    "share of peak": ("share of peak arithmetic", "达到运算峰值的比例"),
    "lane over bare networks": ("lane over bare networks", "通道与裸网络之比"),
    "times as fast": ("times as fast", "速度倍数"),
    "whole": ("all that a lane does to a frame", "通道对一帧的全部处理"),
    "same job": ("the same job, one crop", "相同任务，一张裁剪图"),
    "same graphs": ("the very same graphs", "完全相同的网络"),
    "work": ("work on a frame", "每帧处理"),
    "age": ("age of a frame", "画面时延"),
    "memory": ("memory growth", "内存增长"),
    "passed over": ("frames passed over", "跳过的帧"),
    "lost": ("frames lost", "丢失的帧"),
    "on screen": ("on the officer’s screen", "显示于核查屏幕"),
    "passages carried": ("passages carried", "可承载的通行量"),
    "EER": ("equal error rate (EER)", "等错误率（EER）"),
    "FNMR": ("false non-match rate (FNMR)", "拒真率（FNMR）"),
    "threads": ("threads", "线程数"),
    "max": ("longest", "最长"),
}
"""Words within a figure's name; what is not here stands as it is."""


def word(key: str, language: str) -> str:
    return WORDS[key][LANGUAGES.index(language)]


def named(part: str, language: str) -> str:
    return NAMES.get(part, (part, part))[LANGUAGES.index(language)]
