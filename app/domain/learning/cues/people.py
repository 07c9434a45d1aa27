# ruff: noqa: E501 (a pattern is read in one piece)
"""Cues for factors in how people work: alerting, procedures, access, abuse, data that got lost."""

from collections.abc import Mapping

Cues = Mapping[str, tuple[tuple[str, float, tuple[str, ...]], ...]]

_ALERT = r"(?:alert(?:s|ing)?|alarms?|monitoring|monitors?|paging|notifications?|notif(?:y|ier|iers)|observability|(?:health|uptime|liveness|synthetic) ?-?(?:checks?|probes?|monitor\w*)|active monitoring)"
_NOT = r"(?:did ?n'?t|did not|not|never|does ?n'?t|does not|was ?n'?t|were ?n'?t|is ?n'?t|failed to|fails to|no longer|do not|don't)"
_PAPER = r"(?:run ?-?books?|play ?-?books?|documentation|docs|documented|process(?:es)?|procedures?|guidelines?|check-?lists?|cheat ?-?sheets?|instructions|guides?|training|polic(?:y|ies)|ownership|hand-?overs?|escalation|on-?call|coordination|communications?|conventions?|best practices?)"
_STATE = r"(?:data|databases?|files?|records?|tables?|rows?|entries|entry|volumes?|disks?|buckets?|logs|messages?|emails?|snapshots?|index|indices|backups?|commits?|accounts?|home director\w+)"
_SENSITIVE = r"(?:credentials?|keys?|tokens?|secrets?|passwords?|personal data|private (?:data|keys?)|sensitive \w+|customer data)"

PEOPLE: Cues = {
    "missing-alerting": (
        (
            "absent",
            2.2,
            (
                rf"\b(?:no|not any|without|lack(?:ed|s|ing)?(?: of)?|missing|insufficient|inadequate|absence of|poor|limited|neither|improper|only) (?:(?!new|further|more)\S+ ){{0,3}}?{_ALERT}\b",
                rf"\b{_ALERT} (?:\S+ ){{0,5}}?(?:{_NOT}|missing|broken|disabled|muted|snoozed|silenced|buried|ignored|missed|overlooked|insufficient)\b(?! (?:impact|affect|a problem|an issue))",
                rf"\b(?:{_NOT}|nobody|no one|no-one|nothing|n't) (?:\S+ ){{0,5}}?(?:alert(?:s|ed)?|alarms?|paged?|notified|notifications?|monitor(?:ed|ing)?)\b",
                r"\b(?:alert (?:fatigue|noise|threshold)|noisy alerts?|thresholds? (?:\S+ ){0,3}too (?:high|low)|lost in (?:the )?noise|low[- ]priority (?:alert|alarm|channel))\b|\balert(?:s|ing)? (?:\S+ ){0,3}(?:too|noise|noisy|only)\b",
                r"\b(?:all|still) (?:\S+ ){0,3}(?:healthy|green)\b(?! (?:again|back|now))",
            ),
        ),
        (
            "to add",
            1.7,
            (
                rf"\b(?:add|adding|creat(?:e|ing)|set(?:ting)? ?up|setup|implement\w*|introduc\w+|improv(?:e|ing)|configur(?:e|ing)|build|need(?:s|ed)?|better|more|additional|enabl(?:e|ing)|extend|increase|enhance|tune|review|investigate|look into|writ(?:e|ing)|define|should|proper|escalate|change|fix|tune|ensure|consider|use|automated|high[- ]priority|actively|external) (?:\S+ ){{0,5}}?{_ALERT}\b",
                r"\b(?:alert|notify|page|monitor) (?:us |someone |people |the team |on-?call |for |on |when |if |before |that |the )+\S+",
                r"^(?:\S+ ){0,2}(?:monitor|alert|detect) (?:\S+ ){0,3}",
                rf"\b(?:metrics|dashboards?|logging|logs) (?:\S+ ){{0,2}}and (?:alerts?|alerting)\b|\b{_ALERT} (?:should|could|would|needs?|to) (?:be )?\w+",
                r"\bdetect (?:\S+ ){0,6}(?:earlier|sooner|faster|before|proactively|automatically)\b|\b(?:earlier|faster|proactive) detection\b",
            ),
        ),
        (
            "late",
            1.4,
            (
                r"\b(?:un-?noticed|undetected|unseen|went silent)\b",
                r"\b(?:notic\w+|discovered|detected|realis?ed|realized|found out|aware|learned) (?:\S+ ){0,6}?(?:only|later|days?|weeks?|months?|until|when (?:\S+ )?(?:users?|customers?)|next (?:day|morning))\b",
                r"\b(?:only|finally|slow to|took (?:\S+ ){0,3}(?:while|hours?|days?|long) (?:\S+ )?(?:to|before|for|until)) (?:\S+ ){0,5}?(?:notic\w+|discover\w*|detect\w*|realis?\w*|realiz\w*|found out|aware)\b",
                r"\b(?:detection|time to detect|detected) (?:\S+ ){0,4}?(?:late|long|slow|delay\w*)\b|\b(?:late|slow|delayed|long) (?:\S+ )?detection\b",
                r"\b(?:should|could) have (?:\S+ )?(?:noticed|detected|caught|been (?:noticed|detected|alerted|caught|prevented|found)|known|realis?ed)\b|\bno one (?:\S+ )?noticed\b",
                r"\b(?:rather than|instead of|before|not) (?:\S+ ){0,4}(?:customers?|users?|automated monitoring|monitoring|alerts?)\b",
            ),
        ),
        (
            "by users",
            0.7,
            (
                r"\b(?:users?|customers?|support tickets?|clients?|students?|community|researcher|colleagues?|representative) (?:\S+ ){0,4}?(?:report\w*|notified|told|alerted|informed|complain\w*|rais\w+|contact\w*)\b",
                r"\b(?:reported|raised|notified|report|reports) (?:\S+ ){0,4}?(?:by|from) (?:\S+ ){0,3}(?:users?|customers?|support|clients?|students?|community)\b",
            ),
        ),
        (
            "worked",
            -0.5,
            (
                r"\b(?:alerted (?:by|via|through|us)|alerts? (?:fired|came|caught|from|received|triggered)|(?:received|got|saw) (?:\S+ ){0,3}alerts?|notified (?:by|via|through) (?:\S+ ){0,3}(?:alerts?|monitoring|pingdom|pagerduty|nagios)|(?:monitoring|nagios|icinga\d?|pingdom|pagerduty|uptime ?robot|status ?cake|alerts?) (?:\S+ ){0,2}(?:detected|notif\w+|warn\w*|report\w*|alerted|confirm\w*))\b",
            ),
        ),
        ("mentioned", 0.3, (r"\b(?:alert(?:s|ed|ing)?|alarms?|monitor(?:s|ed|ing)?|metrics?|dashboards?)\b",)),
    ),
    "procedure-gap": (
        (
            "slip",
            1.8,
            (
                r"\b(?:accidental(?:ly)?|by accident|mistaken(?:ly)?|by mistake|inadvertent(?:ly)?|unintentional(?:ly)?|human error|fat[- ]finger\w*|copy[- ]?paste\w*|operator error|(?:the )?wrong (?:\S+ )?(?:cluster|environment|account|workspace|terminal|window|directory|branch|command|context|database|server|project|user|order|person|place))\b",
                r"\b(?:forgot(?:ten)?|overlooked|missed (?:the |a |this |that |one |only )?(?:\S+ )?(?:step|part|change)|(?:was|were|been) missed|neglected|misunderst\w+|mis-?read|misinterpret\w*|not (?:fully )?aware|un-?aware|(?:was|were)n't (?:fully )?aware|miscommunicat\w+|syntax error|typo)\b",
                r"\b(?:assum(?:ed|ption|ptions|ing)|(?:was|were) thought|confus(?:ed|ion|ing)|mistakes?|dismissed|manual(?:ly)? (?:error|mistake|slip|edit|process|change|step|intervention)s?)\b",
            ),
        ),
        (
            "documents",
            1.6,
            (
                rf"\b(?:no|not|n't|without|lack(?:ed|s|ing)?(?: of)?|missing|incomplete|outdated|out[- ]of[- ]date|incorrect|insufficient|poor|unclear|wrong|better|improv\w+|updat\w+|add|adding|creat\w+|writ\w+|need\w*|clear\w*|defin\w+|establish\w*|agree\w*|publish|review|implement\w*|formal|standard\w*|revis\w+|develop|enforce|(?:re)?familiari\w+|describe|clarify|solid|common|continuous) (?:\S+ ){{0,4}}?{_PAPER}\b",
                rf"\b{_PAPER} (?:\S+ ){{0,4}}?(?:missing|outdated|wrong|incomplete|did ?n'?t|was ?n'?t|not|unclear|should|needs?|(?:to )?be (?:updated|written|created)|for)\b",
                r"\bundocumented\b|\bdocument(?:ing)? (?:how|the|that|what|this|our|and|about|steps)\b|\bdescribe (?:how|process)\b",
                r"\b(?:review|update|improve|change|define|establish|have) (?:\S+ ){0,4}(?:process|workflow|rules?)\b|\bmake sure (?:that )?(?:\S+ ){0,2}(?:everyone|all|people|team)\b|\bensure (?:that )?(?:everyone|all team|people)\b",
            ),
        ),
        (
            "together",
            1.0,
            (
                r"\b(?:did ?n'?t|did not|not|no|never|poor|better|more|lack of|without|improve|should|need to|must) (?:\S+ ){0,3}(?:communicat\w*|coordinat\w*|inform\w*|announc\w*|hand(?:ed)? over|escalat\w*|share|agree\w*)\b",
                r"\b(?:hand-?over|hand-?off|single (?:person|engineer|team member|staff)|one (?:engineer|person) (?:working|available|who)|knowledge (?:sharing|gap|transfer)|ownership|incident (?:manager|commander|response process)|status page)\b",
                r"\b(?:without|no|not|better|proper|unreviewed|lack of|missing|need) (?:\S+ ){0,3}review\w*\b|\breview process\b|\bpeer review\b|\btwo[- ]person\b",
                r"\b(?:on|late on|end of|before) (?:a |the )?(?:friday|weekend|holiday|working day|working hours)\b|\bnew (?:members|starters|joiners|team members)\b",
                r"\b(?:should have|could have|need(?:s|ed)? to|must|be more careful|carefully|more closely) (?:\S+ ){0,2}(?:communicat|announc|inform|coordinat|follow|check|verif|doubl|plan|ask|read|stud|keep|prepar)\w*\b",
            ),
        ),
        (
            "mentioned",
            0.3,
            (
                r"\b(?:manual(?:ly)?|run ?-?books?|play ?-?books?|documentation|docs|process|procedure|check-?list|time ?zones?|on-?call|communicat\w+|review(?:ed)?)\b",
            ),
        ),
    ),
    "access-permission": (
        (
            "wrong rights",
            2.2,
            (
                r"\b(?:missing|lack(?:ed|s|ing)?|no|without|insufficient|wrong|incorrect|excessive|broad|too (?:wide|narrow|many|few|broad|permissive)|not have(?: had)?|n't have(?: had)?|elevated|revok\w+|removed|lost|needed|mis-?configured|unauthori[sz]ed|gained|restrict\w*|limit\w*) (?:(?:the|any|enough|sufficient|correct|right|their|our|all|admin|root|write|remote|user) ){0,3}(?:permissions?|access(?: rights?| tokens?)?|privileges?|rights|roles?|grants?|permissioning)\b",
                r"\b(?:permissions?|privileges?|role bindings?|RBAC|IAM|ACLs?|access) (?:\S+ ){0,3}?(?:denied|missing|revoked|removed|insufficient|too|wrong|incorrect|lost|blocked|refused|belong\w*|default\w*|temporarily|updated|to perform|issues?|errors?|problems?)\b",
                r"\b(?:locked out|403s?|personal (?:account|API key|e-?mail)|shared account|could ?n'?t (?:log ?in|access)|least privilege|(?:only|sole) (?:\S+ ){0,3}(?:has|had|have) access|access to (?:\S+ ){0,3}(?:where|console|registrar|account)|should(?:n't| not) have (?:had )?(?:the )?(?:permission|access)|account (?:was )?(?:suspended|locked|disabled)|anyone (?:can|could) (?:edit|write|access))\b",
            ),
        ),
        (
            "mentioned",
            0.5,
            (
                r"\b(?:permissions?|privileges?|RBAC|IAM|ACLs?|service accounts?|role bindings?|unauthori[sz]ed|authori[sz]ation)\b",
            ),
        ),
    ),
    "security": (
        (
            "attack",
            2.4,
            (
                r"\b(?:attack(?:s|er|ers|ed)?|malicious(?:ly)?|malware|virus(?:es)?|compromis(?:e|ed|ing)|exploit(?:s|ed|able|ation)?|vulnerabilit(?:y|ies)|vulnerable|CVE-\d+|hack(?:ed|er|ers|ing)|breach(?:ed)?|intrusion|phish\w*|fraud\w*|DDoS|denial[- ]of[- ]service|crypto-?min\w+|ransomware|backdoor|botnet|spam(?:mers?|med)?|exfiltrat\w+|supply[- ]chain|impersonat\w+|typo-?squat\w*|hijack\w*|bugcrowd|hackerone|adversar\w+|bad actor|stolen)\b",
                rf"\b(?:leak(?:ed|age|s)?|expos(?:ed|ure|ing)|publish\w*|committed) (?:\S+ ){{0,6}}?{_SENSITIVE}\b",
                rf"\b{_SENSITIVE} (?:\S+ ){{0,6}}?(?:leak(?:ed)?|exposed|disclosed|stolen|public(?:ly)?)\b",
            ),
        ),
        (
            "abuse",
            1.3,
            (
                r"\b(?:abus(?:e|ed|ive|ing)|scrap(?:er|ers|ing)|crawl(?:er|ers|ing)|bot traffic|illegitimate|block(?:ed|ing) (?:\S+ ){0,4}(?:IPs?|IP (?:address\w*|ranges?)|user agents?)|suspicious)\b",
                r"\b(?:security (?:incident|issue|team|advisory|researcher|fix|patch|vulnerability|posture|report)|bug bounty|responsible disclosure|researcher|disclosed)\b",
            ),
        ),
    ),
    "data-loss-backup": (
        (
            "lost",
            2.2,
            (
                rf"(?<!no )\b(?:lost|losing|loss of|loses?) (?:\S+ ){{0,4}}?{_STATE}\b|(?<!no )(?<!of )(?<!any )\bdata ?-?loss\b(?! (?:occurred )?(?:did not|was not))",
                rf"\b{_STATE} (?:\S+ ){{0,4}}?(?:was|were|got|been|being|is|are) (?:\S+ )?(?:lost|deleted|wiped|corrupt\w*|overwritten|dropped|erased|unrecoverable|destroyed|not (?:been )?recovered)\b",
                rf"\b(?:delet(?:ed|ing)|wip(?:ed|ing)|corrupt(?:ed|ing)|overwr(?:ote|itten|iting|ites)|erased|truncated|purged|replaced) (?:\S+ ){{0,4}}?{_STATE}\b",
                r"\bcorrupt(?:ion|ed)\b",
            ),
        ),
        (
            "backup",
            1.2,
            (
                r"\b(?:no|without|missing|failed|failing|stale|untested|old|regular|tested|restor\w+|recover\w*|from) (?:\S+ ){0,4}?(?:backups?|snapshots?|dump)\b",
                r"\b(?:backups?|snapshots?|restores?|restoration) (?:\S+ ){0,4}?(?:fail\w*|did ?n'?t|not|missing|incomplete|broken|old)\b",
                r"\b(?:restor|recover|re-?insert|reconcil)\w+ (?:\S+ ){0,4}?(?:data|databases?|files?|records?|backups?|snapshots?)\b",
            ),
        ),
        ("mentioned", 0.3, (r"\b(?:backups?|snapshots?|restor(?:e|ed|ing|ation))\b",)),
    ),
}
