"""Generic words of incident response: what somebody does, sees, supposes or asks, by the kind of entry it makes."""
# ruff: noqa: E501 - a form is read as one line

import re
from collections.abc import Mapping

from app.domain.postmortems.content import TimelineKind


def _words(*forms: str) -> re.Pattern[str]:
    return re.compile(r"(?<![\w/-])(?:" + "|".join(forms) + r")(?![\w/-])", re.IGNORECASE)


CUES: Mapping[TimelineKind, re.Pattern[str]] = {
    TimelineKind.RESOLUTION: _words(
        r"(?:is|are|was|were|all|now|been|looks?|looking|fully|confirmed|completely)\s+(?:now\s+|all\s+)?(?:resolved|fixed|healthy|restored|recovered|stable|green|back|good now)",
        r"back (?:to normal|online|up|in service)", r"(?:has|have|had)?\s*recovered", r"recover(?:y|ing) (?:is )?(?:complete|confirmed)",
        r"(?:rollback|revert|fix|restart|failover|deploy|workaround|it|that)\s+(?:has\s+|have\s+)?(?:worked|helped|succeeded|did the trick|took effect)",
        r"(?:works?|working) (?:again|now|fine)", r"all clear", r"incident (?:is )?(?:over|closed)", r"no (?:more|longer) (?:seeing )?(?:errors?|failures?|alerts?)",
        r"(?:done|finished) \w+ing", r"\w+ing (?:is|was) (?:now )?(?:done|complete|completed|finished)",
        r"(?:migration|cleanup|rollout|rollback|restore|backfill|failover) (?:is |was )?(?:now )?(?:complete|completed|done|finished)",
        r"mitigated", r"(?:error rate|latency|traffic) (?:is |has )?(?:dropp\w+|normal\w*|recover\w+)",
    ),
    TimelineKind.MITIGATION: _words(
        r"roll(?:ed|ing|s)?[ -]?back(?:s)?", r"rollback(?:s|ed|ing)?", r"revert(?:s|ed|ing)?", r"restart(?:s|ed|ing)?", r"reboot(?:ed|ing)?",
        r"fail(?:ed|ing)?[ -]?over", r"failover", r"scal(?:e|ed|ing) (?:up|down|out|in)", r"drain(?:ed|ing)?", r"cordon(?:ed|ing)?",
        r"(?:migrat|shift|mov)(?:ed|ing) .{0,40}(?:traffic|capacity|nodes?|pods?|load|pool|replicas?|workloads?)",
        r"(?:bring|spin|brought|spun|add|bump|increas|provision|resiz|expand)(?:ing|ed|s)? .{0,30}(?:nodes?|capacity|replicas?|instances?|quota|memory|disks?|pods?|workers?|limits?|connections?)",
        r"(?<!being )(?<!getting )(?<!is )(?<!are )(?:disabl|paus|suspend|block|quarantin|isolat|kill|delet|remov|purg|flush|clean)(?:ed|ing)(?: up)?", r"hot ?fix(?:ed|es|ing)?",
        r"(?:re)?deploy(?:ed|ing)", r"kubectl (?:apply|delete|rollout|scale|drain|cordon)", r"manual(?:ly)? (?:merged|deployed|ran|applied|triggered|invoked|deploy(?:ment)?|restart\w*)",
        r"(?:pushed|merged|shipped|opened|created|sent(?: out)?|submitted) (?:a |the |an |my )?(?:fix|patch|pr|pull request|revert|change)", r"patch(?:ed|ing)",
        r"feature flag (?:off|disabled)", r"(?:turn|switch|flip)(?:ed|ing) (?:it |them )?(?:off|on|back)", r"workaround", r"mitigat(?:e|ing|ion)",
        r"(?:that|this|the|my) (?:pr|patch|change|commit|fix) (?:should|will|would|might) (?:fix|help|do)", r"(?:updated|re-?ran|applied|restored)",
    ),
    TimelineKind.ESCALATION: _words(
        r"escalat(?:e|ed|ing|ion)", r"pag(?:ed|ing) (?:in )?\w+", r"@here", r"@channel", r"@oncall", r"@[\w-]*on-?call",
        r"(?:loop|rope|pull|bring|brought)(?:ed|ing)? in \w*@?\w+", r"(?:pok|ping|call|contact|reach)(?:ed|ing)(?: out to)? .{0,30}(?:team|on-?call|support|vendor|provider)",
        r"(?:need|requires?|get|getting) (?:help|hands|eyes|someone|somebody)(?: from| on)?", r"opened (?:a )?(?:ticket|case|support)", r"declar(?:e|ed|ing) (?:an )?incident",
        r"(?:don't|do not|without|missing|no) (?:have )?(?:the )?(?:permissions?|access)", r"(?:requested|requesting|filed) (?:a |an )?\w+",
    ),
    TimelineKind.COMMUNICATION: _words(
        r"status ?page", r"(?:notif|inform)(?:y|ied|ying|ed|ing) (?:the )?(?:users?|customers?|community|team|everyone|mailing list)",
        r"announc(?:e|ed|ing|ement)", r"mailing list", r"(?:post ?-?mortem|retrospective|write-?up)",
        r"(?:sent|posted|published) (?:an |a |the )?(?:update|notice|mail|e-?mail|message|announcement)", r"(?:can|could|may) (?:i|we) get (?:an )?update",
        r"will (?:notify|update|announce|inform)", r"customers? (?:are|were|have been) (?:told|informed|notified)",
    ),
    TimelineKind.HYPOTHESIS: _words(
        r"suspect(?:s|ed|ing)?", r"root cause", r"caus(?:ed|ing) by", r"because of", r"which is why", r"(?:that|this|it) (?:explains|is why|would explain)",
        r"turns? out", r"(?:found|see|spotted|identified|tracked|narrowed|pinpointed|located|know) (?:the |a |out |down |it |what )?\w*\s*(?:bug|cause|problem|issue|culprit|regression)?",
        r"determin(?:ed|es)", r"(?:upon|after|on) (?:further |some )?investigat(?:ion|ing)", r"culprit", r"regression", r"(?:bad|broken) (?:release|deploy|commit|config|build|version|image)",
        r"(?:the )?(?:problem|issue|bug|cause) (?:is|was|seems|appears|persists|started|began)", r"(?:working )?theory", r"hypothesis", r"verified", r"confirmed", r"correlat(?:es|ed)",
        r"(?:it |this |that )?(?:looks|seems) (?:like|to be|that)", r"i(?:'d| would)? (?:guess|bet|think it|think the|think we|think i)", r"(?:wrong|incorrect|missing|misconfigured|unexpected) \w+", r"not (?:convinced|sure)",
        r"(?:exhausted|saturated|throttl\w+|deadlock\w*|leak(?:s|ing|ed)?|panics?|overload(?:ed)?|misconfigur\w+|oom\w*)",
    ),
    TimelineKind.DETECTION: _words(
        r"(?:is|are|was|were|got|gone|went|still|totally|completely|be|something|everything|things?)\s+(?:\w+\s+)?(?:down|broken|failing|unhealthy|unresponsive|stuck|slow|red|degraded|unreachable|worse|wedged)",
        r"(?:anyone|anybody|anybody else|anyone else|someone) (?:else )?(?:seeing|having|noticed?|know)", r"(?:seeing|having|getting|noticed|noticing|see|observed|observing|hitting|reporting|reports of|experiencing)\s+(?:\w+\s+){0,3}(?:errors?|failures?|issues?|problems?|timeouts?|5\d\ds?|latency|spikes?|outage|alerts?|failing|jobs|drops?)",
        r"alert(?:s|ed|ing)?", r"firing", r"paged", r"outage", r"crash(?:ed|es|ing|loop\w*)", r"time(?:d)?[ -]?outs?", r"not respond\w*", r"aren't respond\w*", r"isn't respond\w*", r"5\d\d(?:s| errors?)",
        r"(?:error|failure|latency|cpu|memory|disk|queue|load)\w* (?:\w+ )?(?:spike|spik\w+|high|climb\w+|jump\w+|grow\w+|exceed\w+|abnormal\w*|rising|exhaust\w*)", r"oomkill\w*", r"notready", r"unschedul\w+",
        r"(?:broken|unhealthy|abnormal(?:ly)?)", r"(?:dozens|hundreds|thousands|millions) of \w+", r"(?:9\d|[1-9]\d\d)(?:\.\d+)? ?%", r"(?:no|not) (?:longer )?(?:working|merging|responding|serving|loading)", r"can(?:'t|not) (?:access|reach|connect|log ?in|load|deploy)",
        r"(?:customers?|users?) (?:are |were )?(?:report\w*|complain\w*|affected)",
    ),
    TimelineKind.RESPONSE: _words(
        r"(?:taking|take|having|have) a look", r"looking (?:into|at)", r"investigat(?:e|ing|ed)", r"on it", r"i(?:'ll| will) (?:look|check|take|investigate|handle)", r"(?:trying|try) to (?:get|verify|reproduce|fix|figure|understand|find)",
        r"working on (?:it|this|that|a|the)", r"checking", r"debugging", r"join(?:ed|ing) (?:the )?(?:call|bridge|incident)", r"(?:i am|i'm) (?:the )?(?:ic|incident commander)", r"attempting to",
    ),
    TimelineKind.TRIGGER: _words(
        r"(?:deploy|release|rollout|migration|upgrade|push|bump|change|maintenance)\w* (?:is |has |was )?(?:start\w*|began|begun|going out|live|time|in progress|underway|merged)",
        r"(?:start\w*|began|kick\w* off) (?:the |a )?(?:deploy\w*|release|rollout|migration|upgrade|maintenance)", r"(?:we are|we're|now) on v?\d[\w.-]*", r"(?:rolled|rolling|shipped|shipping|pushed|pushing) (?:out|to prod\w*)",
    ),
}  # fmt: skip
"""In order of what tells more where several fit."""

WEIGHT: Mapping[TimelineKind, float] = {
    TimelineKind.RESOLUTION: 2.0,
    TimelineKind.MITIGATION: 1.6,
    TimelineKind.ESCALATION: 1.4,
    TimelineKind.COMMUNICATION: 1.1,
    TimelineKind.HYPOTHESIS: 1.2,
    TimelineKind.DETECTION: 1.4,
    TimelineKind.RESPONSE: 0.8,
    TimelineKind.TRIGGER: 1.4,
}

CHATTER = re.compile(
    r"(?:\s|[^\w\s]|:[\w+-]+:|\b(?:lol|lmao|haha+|hehe|ok|okay|k|thanks?|thank you|thx|ty|cool|nice|great|good luck|yes|yep|yeah|yup|no|nope|ack|sure|"
    r"hm+|hr+m|hu+m+|ah+|oh|ugh|wow|np|morning|hi|hello|hey|all|brb|right|true|same|dope|sweet|sounds good|got it|sorry|edited|so|much|you|both|for|it|that|let's|do|the)\b)*",
    re.IGNORECASE,
)
"""A message that holds nothing else says nothing that a timeline needs."""

JOINED = re.compile(
    r"^(?:<?@?[\w .-]+>? )?(?:has )?(?:joined|left|was added to|set the channel|renamed the channel|pinned a message)\b",
    re.IGNORECASE,
)
QUESTION = re.compile(
    r"\?\s*$|^(?:what|why|how|who|when|where|which|is|are|do|does|did|can|could|should|shall|would|have|has|any)\b[^.!]*\?",
    re.IGNORECASE,
)
NEGATED = re.compile(
    r"\b(?:not|n't|never|no longer|isn't|aren't|still(?: not)?|hasn't|haven't|doesn't|didn't|without)\W+(?:\w+\W+){0,2}$",
    re.IGNORECASE,
)
PLANNED = re.compile(
    r"\b(?:should|shall|could|can|might|may|maybe|if|when|once|unless|want to|plan to|try to|trying to|until|until we get|get it|let's|lets|would|need to|have to|consider)\W+(?:\w+\W+){0,3}$",
    re.IGNORECASE,
)
EVIDENT = re.compile(
    r"```|https?://|\b[0-9a-f]{7,40}\b|#\d{2,}|\d+(?:\.\d+)?\s?(?:%|ms|s|x|GB|MB|Mi|Gi|nodes?|pods?|errors?|jobs?|requests?)\b|v?\d+\.\d+\.\d+",
    re.IGNORECASE,
)
