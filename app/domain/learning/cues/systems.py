# ruff: noqa: E501 (a pattern is read in one piece)
"""Cues for factors in what the system is made of: capacity, stores, networks, machines, others' services."""

from collections.abc import Mapping

Cues = Mapping[str, tuple[tuple[str, float, tuple[str, ...]], ...]]

_VENDOR = r"(?:AWS|Amazon|Azure|GCP|Google Cloud|GKE|EKS|RDS|EC2|ECR|Cloudflare|Fastly|GitHub|GitLab|Bitbucket|Travis|CircleCI|Stripe|Twilio|SendGrid|Slack|Discord|Auth0|Okta|Heroku|Vercel|Netlify|DigitalOcean|OVH|Hetzner|Linode|Docker ?Hub|Quay|PagerDuty|Datadog|npm|PyPI|Let'?s ?Encrypt|Akamai|Rackspace|Equinix|Snowflake|MongoDB Atlas|OpenAI|Debian|Ubuntu|Microsoft|Apple|Twitter|Facebook)"
_DOWN = r"(?:outages?|incidents?|fail(?:ed|s|ing|ure|ures)|(?:was|is|went|being) down|unavailab\w+|issues?|problems?|degrad\w+|disruptions?|instabilit\w+|maintenance|unreachable|retired?|retirement|deprecat\w+|bugs?|reboot\w*|downtime|losses)"
_LIMITED = r"(?:memory|RAM|CPU|disks?(?: space)?|storage|space|quotas?|limits?|resources?|capacity|connections?|threads?|workers?|file descriptors?|inodes?|IP addresses|IPs|slots?|pool|queues?|bandwidth|sockets?|(?:worker |GPU )?instances|GPUs?|cluster|redis|cache|keyspace)"
_STORE = r"(?:databases?|DBs?|data ?stores?|postgres\w*|mysql|mariadb|mongo\w*|redis|riak\w*|cassandra|clickhouse|sqlite|dynamo\w*|elastic ?search|opensearch|etcd|RDS|Aurora|galera|memcached|couch\w*|SQL|ceph|sphinx|kafka)"
_NETWORK = r"(?:network(?:ing|s)?|connectivity|routing|BGP|backbone|VPN|ip-?sec|tunnels?|peering|uplinks?|switch(?:es)?|routers?|packets?|subnets?|VPC|NAT|fib(?:er|re)|route tables?|internet)"
_MACHINE = r"(?:hardware|disks?|drives?|SSDs?|power|cooling|UPS|hosts?|instances?|machines?|hypervisors?|nodes?|VMs?|RAID|motherboard|PSU|racks?|generators?|EBS|docker daemon|docker|kubelet|servers?|load ?-?balancers?|gateway|worker)"

SYSTEMS: Cues = {
    "capacity": (
        (
            "exhausted",
            2.2,
            (
                rf"\b(?:ran|run|runs|running) (?:out of|low on|short of) (?:\S+ ){{0,4}}?{_LIMITED}\b",
                rf"\b{_LIMITED} (?:\S+ ){{0,4}}?(?:exhaust\w*|ran out|(?:is|was|became|getting|got) full|full\b|fill\w* up|filled|deplet\w+|saturat\w*|exceed\w*|reached|starv\w*|pressure|insufficient|overload\w*|maxed|at 100|hit|not enough|too small|used up|undersiz\w*)\b",
                rf"\b(?:exhaust\w*|saturat\w*|exceed\w*|overload\w*|maxed|starv\w*|insufficient|not enough|too few|reach(?:ed|es|ing)?|hit(?:ting)?|out of|consum\w+|fill(?:ed|ing|s)?(?: up)?|used up|lack of|deplet\w+|maximum|over) (?:(?:the|all|our|its|a|an|of|any|available|hard|maximum|amount|number|AWS|memory|CPU|node|cluster|resource|request|service|their|up) ){{0,4}}{_LIMITED}\b",
                r"\b(?:OOM(?:-?kill\w*)?|out[- ]of[- ]memory|no space left|too many (?:requests|connections|open files|pods|users|processes)|rate[- ]limit\w*|throttl(?:ed|ing|es)|429|evict(?:ed|ion|ions)|overcommit\w*|under-?provision\w*|under-?siz\w+|resource (?:exhaustion|contention|limits)|hard (?:\S+ )?limit)\b",
                r"\b(?:cluster|node|disk|queue|pool|database|redis|cache|hub) (?:\S+ ){0,2}(?:is|was|got|being|became) (?:completely )?(?:full|saturated|overloaded|overwhelmed)\b|\b(?:is|was|are|were) (?:being )?(?:overloaded|overwhelmed|saturated)\b|\bnot big enough\b|\bwasn't big enough\b",
            ),
        ),
        (
            "load",
            1.4,
            (
                r"\b(?:high|heavy|heavier|increased?|excessive|unexpected|sudden|huge|massive|elevated|peak|unusual\w*|large|great deal of|hundreds of|lot of|abnormal) (?:\S+ ){0,3}?(?:load|traffic|usage|demand|requests|users|connections|volume|utili[sz]ation|transactions|jobs|notifications|data)\b",
                r"\b(?:load|traffic|usage|demand|requests|CPU|memory) (?:\S+ ){0,3}?(?:spik\w+|surg\w+|increas\w+|grew|doubled|peak\w*|exceed\w*|flood\w*)\b|\b(?:spike|surge|flood|influx|burst|growth)s? (?:in|of)\b|\bflood(?:ed|ing)\b",
                r"\b(?:scal(?:e|ed|ing) (?:up|out|the)|add(?:ed|ing)? (?:more |extra |additional |another )(?:\S+ )?(?:nodes?|capacity|instances?|memory|workers?|replicas?|resources)|increas(?:e|ed|es|ing) (?:\S+ ){0,4}(?:memory|limits?|capacity|quota|size|resources|replicas|instances|workers|disk|nodes)|larger (?:nodes?|instances?))\b",
            ),
        ),
        (
            "mentioned",
            0.3,
            (r"\b(?:capacity|quotas?|overload\w*|memory|CPU|disk space|load|utili[sz]ation|limits?)\b",),
        ),
    ),
    "timeout-misconfiguration": (
        (
            "wrong",
            2.3,
            (
                r"\b(?:increas\w+|rais\w+|lower\w*|reduc\w+|decreas\w+|extend\w*|adjust\w*|short\w*|too (?:short|low|small|long|high|aggressive)|missing|no|wrong|default|hard-?coded|sets?|setting|tun\w+|configur\w+|add\w*|bump\w*|longer|without|change[ds]?|revert) (?:(?!out\b)\S+ ){0,5}?(?:time-?outs?|TTLs?|keep-?alives?|deadlines?|(?:liveness|readiness|startup) ?-?probes?|startupProbe|grace period|de-?registration(?: delay| timeout)?)\b",
                r"\b(?:time-?outs?|TTLs?|keep-?alives?|(?:liveness|readiness|startup) ?-?probes?|startupProbe|grace period|de-?registration (?:delay|timeout)) (?:\S+ ){0,5}?(?:too|was (?:set|not|changed|reduced|only)|were|set|short\w*|low\w*|long\w*|missing|not|default|small|misconfig\w*|reduction|increase\w*|configurations?|not enough|is \d+)\b",
                r"\btime-?outs? \(?\d+ ?(?:s|ms|sec|m)\b",
            ),
        ),
        (
            "mentioned",
            0.6,
            (
                r"\b(?:time-?outs?|TTLs?|keep-?alives?|(?:liveness|readiness|startup) ?-?probes?|startupProbe|de-?registration)\b",
                r"\b(?:tim(?:ed|ing|es)[- ]out|time-out)\b",
            ),
        ),
    ),
    "dependency-failure": (
        (
            "other's failure",
            2.0,
            (
                rf"\b{_VENDOR}(?:'s)? (?:\S+ ){{0,4}}?{_DOWN}\b",
                rf"\b{_DOWN} (?:\S+ ){{0,2}}?(?:at|in|on|with|of|from|by|on part of) (?:\S+ ){{0,2}}?{_VENDOR}\b",
                rf"\b(?:third[- ]part(?:y|ies)|3rd[- ]party|upstream|external|vendor|(?:cloud|hosting|service|upstream|transit|internet) provider|supplier|ISP|data ?cent(?:er|re)|availability zone|region) (?:\S+ ){{0,5}}?(?:{_DOWN}|chang\w+|not)\b",
                rf"\b{_DOWN} (?:\S+ ){{0,4}}?(?:upstream|third[- ]part(?:y|ies)|provider|external|availability zone|region|us-(?:east|west)-\d|eu-(?:west|central)-\d\w?)\b|\b(?:us-(?:east|west)|eu-(?:west|central))-\d\w? (?:\S+ ){{0,4}}{_DOWN}\b",
                r"\b(?:insufficient (?:instance )?capacity|InsufficientInstanceCapacity|spot instances?|instance retirement)\b",
                rf"\b(?:lost|losing|failures? to connect|unable to (?:connect|reach)|losing connect\w+|connection) (?:\S+ ){{0,3}}(?:to|with) {_VENDOR}\b|\b{_VENDOR} (?:\S+ ){{0,2}}(?:was|were|is|became|did|has|had|flagged|removed|pulled|revoked|replac\w+|chang\w+|notif\w+|warn\w*) (?:\S+ ){{0,3}}(?:unreachable|unavailable|down|not|banned|replac\w+|removed|pulled|changed|retired?|API|hardware)\b",
            ),
        ),
        (
            "leaning on others",
            1.0,
            (
                rf"\b(?:support (?:ticket|case|request|team|engineers?)|ticket|case|appeal|raised|contacted|reached out|waiting) (?:\S+ ){{0,4}}(?:with|to|at|by|for|via) (?:\S+ ){{0,2}}(?:{_VENDOR}|cloud provider|provider|vendor)\b|\b{_VENDOR} (?:support|status|engineers?)\b",
                r"\b(?:open|known|reported|github) issues? (?:\S+ ){0,4}(?:upstream|official|repository)\b|\bupstream (?:fix|bug|issue|patch|project|chart)\b|\bpackages? (?:\S+ ){0,3}(?:removed|no longer available|pulled)\b",
            ),
        ),
        (
            "mentioned",
            0.4,
            (
                r"\b(?:third[- ]part(?:y|ies)|3rd[- ]party|upstream|vendor|provider|external (?:service|system|dependency|API))\b",
                rf"\b{_VENDOR}\b",
            ),
        ),
    ),
    "dns": (
        (
            "wrong",
            2.4,
            (
                r"\b(?:DNS|name ?servers?|resolvers?|core-?dns|kube-?dns|external-?dns|route ?53|domain names?|hosted zone|A records?|CNAMEs?|zone file|TXT records?) (?:\S+ ){0,6}?(?:fail\w*|wrong|incorrect\w*|delet\w+|missing|not|down|error\w*|issue\w*|problem\w*|outages?|broken|unavailable|timeout\w*|propagat\w+|expired?|crash\w*|unable|overload\w*|misconfig\w*|missed|stale|could ?n'?t)\b",
                r"\b(?:fail\w*|wrong|incorrect\w*|delet\w+|missing|error\w*|issue\w*|problem\w*|outages?|broken|unable|migrat\w+|remov\w+) (?:\S+ ){0,4}?(?:DNS|name ?servers?|CNAMEs?|A records?|DNS records?|name resolution|core-?dns|route ?53)\b",
                r"\b(?:NXDOMAIN|SERVFAIL|name resolution|(?:failed|unable|not) to resolve|could ?n[o']t (?:be )?resolved?|dnssec|DNS wildcard)\b",
            ),
        ),
        (
            "mentioned",
            0.7,
            (r"\b(?:DNS|name ?servers?|CNAMEs?|core-?dns|kube-?dns|route ?53|resolv\.conf|external-?dns)\b",),
        ),
    ),
    "network": (
        (
            "failed",
            2.0,
            (
                rf"\b{_NETWORK} (?:\S+ ){{0,3}}?(?:outages?|fail\w*|down|issues?|problems?|loss(?:es)?|lost|interrupt\w*|partition\w*|errors?|unreachable|congest\w+|disrupt\w+|flap\w*|broken|dropped|instab\w+|unstable|maintenance|unavailable|elevated|starvation|destroyed)\b",
                rf"\b(?:loss of|lost|losing|no|intermittent|degraded|poor|failure to create|dropped) (?:\S+ ){{0,2}}?{_NETWORK}\b",
                r"\b(?:packet loss|network loss\w*|split[- ]brain|net ?split|unreachable (?:network|host)|no route to host|MTU|asymmetric routing|cable cut|connection (?:reset|refused|loss)|(?:was|were|became|marked) unreachable|ssh tunnels?)\b",
            ),
        ),
        (
            "mentioned",
            0.3,
            (
                r"\b(?:network(?:ing)?|connectivity|BGP|VPN|ip-?sec|NAT|CNI|calico|subnets?|routing tables?|route tables?)\b",
            ),
        ),
    ),
    "hardware-power": (
        (
            "failed",
            2.2,
            (
                rf"\b{_MACHINE} (?:\S+ ){{0,3}}?(?:died|crash(?:ed|es)?|reboot(?:ed|s|ing)?|went (?:bad|down|offline)|gone bad|retire(?:d|ment)|lost power|unresponsive|not respond\w*|no longer respond\w*|stopped respond\w*|is down|was down|wasn't responsive|weren't responsive|hung|hangs?|hanging|terminated|termination|overheat\w*|unhealthy|stopped working)\b",
                r"\b(?:faulty|failed|failing|dead|broken|bad|defective|hung|hanging|unresponsive|unhealthy|rebooted|lost|problematic|missing|crashed|terminated) (?:\S+ ){0,2}?(?:hardware|disks?|drives?|SSDs?|power supply|hosts?|machines?|nodes?|instances?|RAM|motherboard|VMs?)\b",
                r"\b(?:hardware|disk|drive|power|cooling|RAID|host|machine) (?:\S+ )?(?:fail(?:ed|ure|ures|ing)?|outage|issue|problem|fault|error|maintenance)s?\b",
                r"\b(?:unscheduled|unexpected|spontaneous|sudden) (?:\S+ ){0,2}?(?:reboot|termination|restart|shutdown|replacement)\b|\b(?:unscheduled|unexpected) (?:\S+ ){0,4}(?:instance|node|host|VM)\b",
                r"\b(?:power (?:outage|loss|failure|cut)|kernel panic|data ?cent(?:er|re) (?:outage|power|fire|cooling)|instance retirement|underlying (?:host|hardware)|unresponsive processes)\b",
            ),
        ),
        ("mentioned", 0.4, (r"\b(?:hardware|power|cooling|reboot(?:ed|s|ing)?|retired?|retirement)\b",)),
    ),
    "database": (
        (
            "took part",
            2.1,
            (
                rf"\b{_STORE} (?:\S+ ){{0,4}}?(?:fail\w*|lock\w*|full|slow\w*|overload\w*|down|corrupt\w*|migrat\w+|crash\w*|stall\w*|errors?|outages?|unavailable|unreachable|replicat\w+|out of|ran out|timeouts?|connections?|load|latency|stuck|performance|inconsisten\w+|quer(?:y|ies)|deadlock\w*|deleted|schema|failover|restart\w*|unable|nodes?|instances?|usage|memory|master|exhaust\w*|disk)\b",
                rf"\b(?:slow|expensive|long[- ]running|heavy|locked|locking|overload\w*|fail\w*|corrupt\w*|inefficient|stress\w*|load on|stuck|primary|migrating|lost \d|restarting|unresponsive|faulty) (?:\S+ ){{0,3}}?(?:quer(?:y|ies)|{_STORE}|migrations?|joins?)\b",
                r"\b(?:schema (?:change|migration)|data migration|database migration|table lock\w*|row lock\w*|replication lag|replica(?:tion)? (?:fail\w*|lag|broke|stopped|outage|interruption)|vacuum|query plan|missing index|foreign key|pgbouncer|data replication|replication issue)\b",
                r"\bmigrations? (?:\S+ ){0,5}?(?:broke\w*|fail\w*|lock\w*|took|taking|stuck|slow|wrong|errors?|ran|runs?|finished|long)\b|\bcolumns? (?:\S+ ){0,4}(?:missing|weren't|not)\b",
            ),
        ),
        ("mentioned", 0.5, (rf"\b(?:{_STORE}|quer(?:y|ies)|schema|replicas?|migrations?)\b",)),
    ),
    "cascading-failure": (
        (
            "spread",
            2.2,
            (
                r"\b(?:cascad(?:e|ed|es|ing)|thundering herd|retry (?:storm|amplification|logic)|feedback loop|vicious c\w+|domino|avalanche|snowball\w*|death spiral|metastable|amplif\w+|pile[- ]?up|chain reaction|DDoS(?:ed|ing)? (?:ourselves|itself|our own)|self-inflicted|stampede|retry amplification)\b",
                r"\b(?:knock-?on|ripple|spill(?:ed|ing)? over|which (?:then |in turn )?(?:overload\w*|overwhelm\w*)|in turn|even more (?:load|requests)|adding to the load)\b",
                r"\b(?:retr(?:y|ies|ying|ied)) (?:\S+ ){0,6}(?:load|spike|requests|traffic|overload\w*|overwhelm\w*|concurrent|storm)\b|\b(?:clients?|pods?|servers?|SDKs?|calls?|requests) (?:\S+ ){0,3}(?:retr(?:y|ied|ying)|retries|reconnect\w*|being retried)\b",
                r"\b(?:overwhelm\w*|crash-?loop\w*) (?:\S+ ){0,5}(?:hub|other|downstream|backend|depend\w*|database|all|even|number)\b|\bcaus\w+ (?:\S+ ){0,4}(?:number of )?(?:other|dependent|downstream) (?:\S+ ){0,5}(?:fail|crash|time)\w*",
            ),
        ),
        (
            "mentioned",
            0.4,
            (
                r"\b(?:overload\w*|retr(?:y|ies)|back-?off|circuit breakers?|load shedding|queue(?:d|s)? (?:up|grew|built|filled)|backlog)\b",
            ),
        ),
    ),
    "time-clock": (
        (
            "wrong",
            2.6,
            (
                r"\b(?:leap[- ](?:second|day|year)|clock (?:skew|drift|sync\w*|jump\w*)|time ?-?zone (?:bug|error|issue|problem|mismatch|conversion|handling)|daylight[- ]saving|DST|NTP|chrony|Y2K|epoch (?:overflow|rollover)|summer ?time|winter ?time|wrong (?:time ?zone|clock|timestamp|system time)|system clock|time synchroni[sz]ation|clocks? (?:was|were|is) (?:\S+ )?(?:wrong|off|behind|ahead|out of sync)|february 29|29 february|year 2038|week(?:day)? rollover)\b",
            ),
        ),
        ("mentioned", 0.4, (r"\b(?:clocks?|midnight|new year)\b",)),
    ),
    "single-point-of-failure": (
        (
            "no second",
            2.3,
            (
                r"\b(?:single[- ]point[- ]of[- ]failure|SPOF|no (?:redundan\w+|fail-?over|fallback|replica\w*|high availability|HA|standby|backup (?:server|system|node|instance))|not (?:highly available|redundant)|lack(?:ed|s|ing)?(?: of)? (?:redundan\w+|fail-?over|high availability|isolation)|without (?:redundan\w+|fail-?over|a fallback)|(?:only|just|with) (?:one|1|a single|single) (?:\S+ ){0,2}?(?:replica\w*|instance|node|server|pod|copy|zone|region|host|machine|cluster|link|gateway|controller|database|worker)|single (?:\S+ )?(?:replicas?|instance|server|pod|zone|region|host|machine|gateway|database|ingress|cluster)|all (?:\S+ ){0,3}(?:behind|on|in|through) (?:one|the same|a single))\b",
                r"\b(?:blast[- ](?:radius|zones?)|multi-?AZ|multi-?region|multiple (?:availability zones|replicas|ingress\w*)|redundancy|high(?:ly)?[- ]availab\w+|fail ?-?(?:closed|open)|failurePolicy|shared (?:\S+ )?(?:infrastructure|component|cluster|database|ingress|dependency|instance|redis)|(?:separate|second|dedicated) (?:\S+ )?(?:cluster|node ?pool|pool|database|ingress|instance)|workload segmentation)\b",
                r"\b(?:block(?:s|ed|ing)?|affect(?:s|ed|ing)?|impact(?:s|ed|ing)?|took down|tak(?:es|ing) down) (?:all|any|every(?:thing)?|both) (?:\S+ ){0,3}(?:ingress\w*|API calls|environments?|services|deployments|clusters?|applications|running)\b",
            ),
        ),
        (
            "mentioned",
            0.4,
            (
                r"\b(?:all (?:services|customers|users|hubs|teams|sites|traffic|applications)|fail-?over|fallback|replicas?|resilien\w+)\b",
            ),
        ),
    ),
}
