# ruff: noqa: E501 (a pattern is read in one piece)
"""Cues for factors that come with a change: releases, configuration, tests, bugs, automation, what expires."""

from collections.abc import Mapping

Cues = Mapping[str, tuple[tuple[str, float, tuple[str, ...]], ...]]

_CHANGE = r"(?:deploy(?:ed|ing|ment|ments|s)?|releas(?:e|es|ed|ing)|roll(?:ed|ing)? ?-?out|rollouts?|upgrad(?:e|es|ed|ing)|version (?:bump|update)|bump(?:ed|ing)?)"
_BREAK = r"(?:caus\w+|broke\w*|introduc\w+|trigger\w*|fail\w*|result\w*|led to|contain\w*|wrong|crash\w*|regress\w*|errors?|exceptions?|outage|unavailab\w+|incompatib\w+)"
_LAPSE = r"(?:expir(?:e|ed|es|y|ing|ation)|laps(?:e|ed))"
_CREDENTIAL = r"(?:cert(?:ificate)?s?|TLS|SSL|tokens?|credentials?|secrets?|(?:API |signing |access |SSH |private )?keys?|passwords?|domains?|licen[cs]es?|subscriptions?|service principals?|CA|certificate chain|trial|payment method)"
_SETTING = r"(?:config\w*|settings?|(?:feature )?flags?|parameters?|annotations?|labels?|(?:env\w*|context) variables?|polic(?:y|ies)|(?:routing|firewall|page|ingress|cache|WAF) rules?|routes?|selectors?|manifests?|defaults?|(?:memory|CPU|resource) (?:limits?|requests?|guarantees?)|templates?)"
_TESTS = r"(?:tests?|testing|tested|test[- ]?suites?|test coverage|QA|CI|staging|canary|canaries|sandbox|smoke ?tests?|integration tests?|unit tests?|e2e|load ?tests?|dry[- ]runs?|test (?:environment|cluster|setup)s?|staging environment)"

CHANGES: Cues = {
    "bad-release": (
        (
            "undone",
            1.5,
            (
                r"\b(?:roll(?:ed|ing)? ?-?back|rollback|revert(?:ed|ing|s)?|downgrad(?:e|ed|ing)|backed out|hot ?-?fix(?:ed|es)?|monkey[- ]patch\w*)\b",
                r"\b(?:fix(?:ed)?|patch(?:ed)?) (?:\S+ ){0,4}(?:deployed|released|rolled out|merged)\b",
            ),
        ),
        (
            "caused",
            2.0,
            (
                rf"\b(?:after|following|during|since|due to|because of|caused by|triggered by|trigger:|with|part of) (?:\S+ ){{0,5}}?{_CHANGE}\b",
                rf"\b{_CHANGE} (?:\S+ ){{0,8}}?{_BREAK}\b",
                r"\b(?:introduced|broken|caused|regress\w+) (?:by|in|with|during) (?:\S+ ){0,4}(?:version|release|pull request|PR|commit|merge|refactor\w*|patch|(?:code )?changes?|update)\b",
                r"\b(?:bad|broken|faulty|buggy|problematic) (?:\S+ )?(?:deploy\w*|release|build|version|push|rollout|upgrade|update|image|PR|commit|change)\b",
                r"\b(?:code|software|recent|latest|new) (?:\S+ )?changes? (?:\S+ ){0,6}?(?:caus\w+|broke\w*|introduc\w+|led|result\w*|fail\w*|increas\w+)\b",
                r"\b(?:backwards?[- ](?:in)?compat\w+|breaking change)\b",
            ),
        ),
        (
            "mentioned",
            0.4,
            (
                rf"\b{_CHANGE}\b",
                r"\b(?:new|latest|newer|newest) (?:\S+ ){0,2}(?:version|release|build|image|packages?)\b",
                r"\b(?:merged?|shipped|pushed) (?:\S+ ){0,4}(?:production|prod|master|main)\b|\bpull request|\bPR\b",
                r"\b(?:refactor(?:ed|ing)?|regressions?)\b",
                r"\bversion v?\d+\.\d+|\bv\d+\.\d+(?:\.\d+)?\b|\bfrom v?\d+\.\d[\d.]* to v?\d+\.\d",
            ),
        ),
    ),
    "config-change": (
        (
            "misconfigured",
            2.0,
            (
                r"\bmis-?configur\w+\b",
                rf"\b(?:wrong|incorrect(?:ly)?|invalid|bad|faulty|erroneous|improper(?:ly)?|missing|broken|outdated|malformed|inadvertent|unpinned|inappropriate|hard-?coded) (?:\S+ ){{0,3}}?{_SETTING}\b",
                rf"\b{_SETTING} (?:\S+ ){{0,5}}?(?:was|were|had been|is|are|got|being|did) (?:\S+ )?(?:wrong|incorrect\w*|missing|removed|not|overwritten|invalid|changed|mis\w+|lost|outdated|too|never)\b",
                r"\bconfig\w* (?:errors?|mistakes?|drift|mismatch\w*|problems?|issues?|flaws?|changes?)\b",
                rf"\b(?:did ?n'?t|did not|does ?n'?t|does not|was ?n'?t|not|no|without|lack\w*) (?:have |had |set |contain |include |appropriate |proper |any |been |a |the ){{0,4}}{_SETTING}\b",
            ),
        ),
        (
            "changed",
            1.4,
            (
                rf"\b(?:{_SETTING}|terraform|helm|infrastructure|infra|ingress|load ?balancers?|DNS|network|firewall|IaC|CNI) (?:\S+ )?(?:chang\w+|updat\w+|modif\w+|edit\w*|renam\w+|migrat\w+|replac\w+)\b",
                rf"\b(?:chang\w+|updat(?:e|ed|ing)|modif\w+|edit(?:ed|ing)?|renam\w+|remov(?:ed|ing)|disabl(?:ed|ing)|enabl(?:ed|ing)|set(?:ting)?|lower(?:ed|ing)|increas(?:ed|ing)|adding|added) (?:\S+ ){{0,5}}?{_SETTING}\b",
                r"\b(?:changes?|updates?|migration) (?:to|of|in) (?:\S+ ){0,4}?(?:ingress|load ?balancers?|DNS|network|firewall|infrastructure|cluster|proxy|CDN|cache|settings?|config\w*|nginx|routing)\b",
                r"\bterraform (?:apply|plan|change|code|module|state|resource|destroy)\b|\binfrastructure[- ]as[- ]code\b",
                r"\b(?:increas\w+|rais\w+|adjust\w*|correct\w*|fix\w*|set) (?:\S+ ){0,4}(?:limits?|requests?|guarantees?|config\w*|settings?)\b",
            ),
        ),
        (
            "mentioned",
            0.3,
            (
                r"\bconfig(?:uration|ured|s|maps?|ure)?\b",
                r"\b(?:terraform|helm chart|feature flags?|environment variables?|IaC|ya?ml|manifests?)\b",
            ),
        ),
    ),
    "latent-bug": (
        (
            "defect",
            1.8,
            (
                r"\b(?:race conditions?|deadlock(?:ed|s)?|memory leak\w*|resource leak\w*|leak(?:ed|ing|s)? (?:memory|connections?|file descriptors?|handles?|goroutines?|threads?)|off[- ]by[- ]one|infinite (?:loop|recursion)|edge[- ]cases?|corner[- ]cases?|(?:integer|stack|buffer) overflow|null ?pointer|use[- ]after[- ]free|quadratic|O\([nN^2*]+\)|N\+1|type ?error)\b",
                r"\b(?:latent|existing|long[- ]standing|previously unknown|unknown|known|hidden|upstream|undetected|pre-?existing|kernel|software|underlying|critical|major|small|subtle) (?:\S+ )?(?:bugs?|defects?|vulnerabilit(?:y|ies))\b",
                r"\bbugs? (?:in|of|with|that|which|was|where|caus\w+|result\w+|prevent\w*|report\w*)\b",
                r"\b(?:triggered|hit|exposed|revealed|uncovered|exercised|encounter\w*|ran into|due to|caused by) (?:\S+ ){0,4}(?:bugs?|defects?|exceptions?|errors? in)\b",
                r"\bexceptions? (?:thrown|raised|was|were|in)\b|\bunhandled\b|\berror handling\b",
            ),
        ),
        (
            "mentioned",
            0.6,
            (
                r"\bbugs?\b",
                r"\b(?:defects?|faulty logic|logic errors?|inefficien\w+|misbehav\w+|unexpected behaviou?r|crash(?:es|ed|ing)?)\b",
                r"\b(?:does|did|do|would|could)(?: not|n't) (?:\S+ )?(?:handle|cope|account|expect|consider|take into account|check|limit|validate|properly)\b|\b(?:not|im)properly\b|\bbefore (?:\S+ ){0,3}(?:threshold|limit|check)\b",
                r"\bunder (?:certain|specific|rare) (?:conditions?|circumstances?)\b|\b(?:overlooked|fails? to) (?:\S+ ){0,3}(?:case|cost|condition|check)\b",
            ),
        ),
    ),
    "testing-gap": (
        (
            "untested",
            2.0,
            (
                rf"\b(?:no|never|without|lack(?:ed|s|ing)?(?: of)?|missing|insufficient\w*|inadequate\w*|poor\w*|did ?n'?t|did not|was ?n'?t|were ?n'?t|not|cannot|could ?n'?t) (?:(?!test|staging)\S+ ){{0,3}}?{_TESTS}\b(?! (?:suite )?(?:pod|job|cluster)s? (?:is|was))",
                r"\buntested\b",
                r"\b(?:tests?|CI|canary|QA|test suite|staging|validat\w+|analysis|migration tool) (?:\S+ ){0,4}?(?:did ?n'?t|did not|does ?n'?t|does not|do not|don't|never|failed to|missed|not) (?:\S+ ){0,2}?(?:catch|detect|cover|reveal|show|find|surface|include|reproduce|notice|predict|validate|exercise|test|run|simulate|check)\w*\b",
                r"\b(?:not|n't|never|neither) (?:\S+ ){0,4}?(?:caught|catch|detect\w*|discover\w*|reproduc\w*|notic\w+|seen|verif\w+|experienc\w*|test\w*|simulat\w*) (?:\S+ ){0,6}?(?:tests?|testing|staging|CI|canary|sandbox|development|dev|locally|environment)\b",
                r"\b(?:staging|test|sandbox|dev\w*|canary)(?: environments?| clusters?)? (?:\S+ ){0,5}?(?:differ\w*|unlike|not identical|not representative|does not match|does ?n'?t (?:match|mirror|have)|same values?)\b",
                r"\b(?:premature|rushed|not (?:been )?(?:ready|validated|verified)|failed to verify)\b",
            ),
        ),
        (
            "to test",
            1.5,
            (
                rf"\b(?:add|adding|writ(?:e|ing)|creat(?:e|ing)|improv(?:e|ed|ing)|more|better|extend\w*|increas\w+|implement\w*|introduc\w+|need(?:s|ed)?|should|automat\w+|set(?:ting)? ?up|build\w*|real|comprehensive|robust|continuous|look into|investigate|enhance|proper|aggressively|establish\w*|perform) (?:\S+ ){{0,5}}?{_TESTS}\b",
                r"\b(?:staged|gradual|progressive|phased|canary|percentage|safe|incremental|smaller) (?:\S+ )?(?:rollouts?|deploy\w*|releases?|changes)\b",
                r"\btest(?:ing)? (?:\S+ ){0,6}?(?:before|prior to|in staging|on staging|first|more|thoroughly|migrations?|upgrades?)\b",
                r"\b(?:drift|difference)s? between\b|\bvalidat(?:e|ion|ing) (?:\S+ ){0,4}(?:before|migrations?|changes?|during|prior|unit)\b|\bverif\w+ (?:\S+ ){0,3}(?:before|prior|in staging)\b",
            ),
        ),
        ("mentioned", 0.3, (r"\b(?:tests?|testing|staging|canary|sandbox|test suite|QA|test environment)\b",)),
    ),
    "automation-gone-wrong": (
        (
            "wrong action",
            1.8,
            (
                r"\b(?:auto-?scal(?:er|ing)|automation|automated (?:\S+ )?(?:process|system|job|script|task|tool)\w*|cron ?(?:jobs?|tabs?)?|scheduled (?:\S+ ){0,2}(?:job|task|pipeline)s?|pipelines?|descheduler|reconcil\w+|garbage collect\w+|clean-?up (?:job|script|task)|bots?|script|self-heal\w+|reaper|culler|playbook|ansible|code ?deploy) (?:\S+ ){0,5}?(?:delet\w+|remov\w+|terminat\w+|destroy\w*|kill\w+|evict\w+|drain\w+|overw\w+|wrongly|incorrectly|mistakenly|erroneously|misbehav\w+|blocked|banned|unintended\w*|unintentional\w*|unexpected\w*|replac\w+|ignored)\b",
                r"\bautomatically (?:delet\w+|remov\w+|terminat\w+|upgrad\w+|disabl\w+|suspend\w*|block\w*|applied|reboot\w*|triggered|ran|executed|destroyed|ran)\b",
                r"\b(?:executed|triggered|applied|suspended|upgraded|deleted|run|ran) (?:automatically|unexpectedly|unintentionally|by itself|in a loop)\b",
                r"\b(?:unintended|unintentional|unwanted|unexpected) (?:\S+ )?(?:update|upgrade|change|run|trigger|deletion|action)s?\b|\b(?:unintentionally|unexpectedly) (?:triggered|updated|ran|deleted|upgraded)\b",
                r"\b(?:runaway|replac\w+ (?:\S+ ){0,2}instances? in a loop)\b",
            ),
        ),
        (
            "stopped",
            1.4,
            (
                r"\b(?:cron ?(?:jobs?|tabs?)|scheduled (?:job|task)s?|automation|auto-?(?:scaler|scaling)|\S*scaler|bots?|(?:background|deploy\w*|CI) (?:jobs?|process)) (?:\S+ ){0,6}?(?:stopped|not run\w*|did ?n'?t|failed silently|stuck|hung|stalled|was disabled|no longer|too slow)\b",
                r"\b(?:unattended|automatic) (?:upgrades?|updates?|failover|remediation|reboots?)\b",
                r"\bsilently (?:\S+ )?(?:stopped|failed|failing|skipped)\b",
            ),
        ),
        (
            "mentioned",
            0.3,
            (r"\b(?:automat(?:ion|ed|ic|ically)|auto-?scal\w+|cron ?jobs?|bots?|scheduled (?:pipeline|job|task))\b",),
        ),
    ),
    "cert-credential-expiry": (
        (
            "expired",
            2.6,
            (
                rf"\b{_CREDENTIAL} (?:\S+ ){{0,7}}?{_LAPSE}\b",
                rf"\b{_LAPSE} (?:\S+ ){{0,4}}?{_CREDENTIAL}\b",
                rf"\b{_CREDENTIAL} (?:\S+ ){{0,4}}?(?:(?:not|n't|never|failed to|be|were|was|being) (?:\S+ )?(?:renew\w*|rotat\w+)|no longer valid|ran out|invalid\w*|out of date|outdated|mismatch\w*|was changed|were changed)\b",
                rf"\b(?:renew|rotat)\w+ (?:\S+ ){{0,4}}?{_CREDENTIAL}\b|\b{_CREDENTIAL} (?:renewal|rotation)s?\b",
                rf"\b(?:outdated|mismatched|invalid|old|stale|wrong) (?:\S+ )?{_CREDENTIAL}\b",
            ),
        ),
        (
            "mentioned",
            0.7,
            (
                r"\b(?:cert(?:ificate)?s?|TLS|SSL|letsencrypt|let'?s encrypt|cert-manager|x\.?509)\b",
                rf"\b{_LAPSE}\b",
            ),
        ),
    ),
}
