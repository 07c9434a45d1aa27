"""What secrets and personal data look like: well-known forms, each with the literals that announce it."""
# ruff: noqa: E501 - a form is read as one line

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Addresses(StrEnum):
    """Which IP addresses are replaced."""

    NONE = "none"
    PUBLIC = "public"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A form. Only a text that holds one of the `needles` (lower case) is searched; the group `v`, if the form has
    one, is what is replaced; `holds` refuses look-alikes."""

    name: str
    form: re.Pattern[str]
    needles: tuple[str, ...] = ()
    holds: Callable[[str], bool] = bool


def _form(name: str, form: str, *needles: str, holds: Callable[[str], bool] = bool, flags: int = 0) -> Pattern:
    return Pattern(name, re.compile(form, flags), needles, holds)


def _luhn(text: str) -> bool:
    digits = [int(one) for one in text if one.isdigit()]
    if not 13 <= len(digits) <= 19 or len(set(digits)) == 1:
        return False
    doubled = [d if n % 2 == 0 else (d * 2 - 9 if d > 4 else d * 2) for n, d in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0


def _iban(text: str) -> bool:
    """ISO 7064 mod 97-10 over the country code moved to the end."""
    plain = re.sub(r"\s", "", text).upper()
    if not 15 <= len(plain) <= 34:
        return False
    return int("".join(str(int(one, 36)) for one in plain[4:] + plain[:4])) % 97 == 1


def _telling(value: str) -> bool:
    """Whether a value after `token:` and the like is one: no placeholder, no variable, no plain word."""
    bare = value.strip("'\"`")
    if len(bare) < 6 or _PLACEHOLDER.match(bare):
        return False
    return len(bare) >= 20 or any(one.isdigit() for one in bare) or bool(re.search(r"[^\w.,:/-]", bare))


def _given(value: str) -> bool:
    bare = value.strip("'\"`")
    return len(bare) >= 3 and not _PLACEHOLDER.match(bare)


_PLACEHOLDER = re.compile(
    r"(?:\[[a-z-]+-\d+\]|\$|<|\*+$|x+$|\.\.\.|\{\{|%\(|(?:null|none|true|false|undefined|redacted|process\.env\S*|os\.environ\S*)$)",
    re.IGNORECASE,
)
_B = r"(?<![A-Za-z0-9_])"
_E = r"(?![A-Za-z0-9_])"

SECRETS: tuple[Pattern, ...] = (
    _form(
        "private-key",
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?:[\s\S]*?-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|[\s\S]*\Z)",
        "private key",
    ),
    _form("private-key", r"AGE-SECRET-KEY-1[A-Z0-9]{40,}", "age-secret-key-1"),
    _form("private-key", r"(?:^|(?<=\n))PuTTY-User-Key-File-\d:[\s\S]*?Private-MAC: [0-9a-f]+", "putty-user-key-file"),
    _form("jwt", rf"{_B}eyJ[A-Za-z0-9_-]{{8,}}\.eyJ[A-Za-z0-9_-]{{8,}}\.[A-Za-z0-9_-]*", "eyj"),
    _form("github-token", rf"{_B}gh[pousr]_[A-Za-z0-9]{{30,}}", "ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
    _form("github-token", rf"{_B}github_pat_[A-Za-z0-9_]{{22,}}", "github_pat_"),
    _form("gitlab-token", rf"{_B}gl(?:pat|ptt|dt|rt|cbt|soat|ft)-[A-Za-z0-9_.-]{{16,}}", "glpat-", "glptt-", "gldt-", "glrt-", "glcbt-", "glsoat-", "glft-"),
    _form("aws-key", rf"{_B}(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{{16}}{_E}", "akia", "asia", "abia", "acca"),
    _form("slack-token", rf"{_B}xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{{8,}}", "xox"),
    _form("slack-token", rf"{_B}xapp-\d-[A-Za-z0-9-]{{8,}}", "xapp-"),
    _form("webhook-url", r"https://hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_-]{8,}", "hooks.slack.com"),
    _form("webhook-url", r"https://(?:\w+\.)?discord(?:app)?\.com/api/webhooks/\d+/[\w-]{20,}", "/api/webhooks/"),
    _form("webhook-url", r"https://[\w.-]*\.webhook\.office\.com/webhookb2/[\w@/-]{20,}", "webhook.office.com"),
    _form("stripe-key", rf"{_B}(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{{10,}}", "_live_", "_test_"),
    _form("webhook-secret", rf"{_B}whsec_[A-Za-z0-9+/=]{{16,}}", "whsec_"),
    _form("google-key", rf"{_B}AIza[A-Za-z0-9_-]{{35}}", "aiza"),
    _form("google-secret", rf"{_B}GOCSPX-[A-Za-z0-9_-]{{20,}}", "gocspx-"),
    _form("google-token", rf"{_B}ya29\.[A-Za-z0-9_-]{{20,}}", "ya29."),
    _form("anthropic-key", rf"{_B}sk-ant-[A-Za-z0-9_-]{{16,}}", "sk-ant-"),
    _form("openai-key", rf"{_B}sk-(?:proj-|svcacct-|admin-)?[A-Za-z0-9_-]{{20,}}", "sk-"),
    _form("sendgrid-key", rf"{_B}SG\.[A-Za-z0-9_-]{{16,}}\.[A-Za-z0-9_-]{{16,}}", "sg."),
    _form("twilio-key", rf"{_B}(?:SK|AC)[0-9a-f]{{32}}{_E}", "sk", "ac"),
    _form("mailgun-key", rf"{_B}key-[0-9a-f]{{32}}{_E}", "key-"),
    _form("mailchimp-key", rf"{_B}[0-9a-f]{{32}}-us\d{{1,2}}{_E}", "-us"),
    _form("npm-token", rf"{_B}npm_[A-Za-z0-9]{{30,}}", "npm_"),
    _form("pypi-token", rf"{_B}pypi-[A-Za-z0-9_-]{{30,}}", "pypi-"),
    _form("docker-token", rf"{_B}dckr_(?:pat|oat)_[A-Za-z0-9_-]{{20,}}", "dckr_"),
    _form("digitalocean-token", rf"{_B}do[opr]_v1_[0-9a-f]{{40,}}", "_v1_"),
    _form("linear-key", rf"{_B}lin_(?:api|oauth|wh)_[A-Za-z0-9]{{20,}}", "lin_"),
    _form("atlassian-token", rf"{_B}AT(?:ATT|CTT|BB)[A-Za-z0-9_=-]{{20,}}", "atatt", "atctt", "atbb"),
    _form("shopify-token", rf"{_B}shp(?:at|ca|pa|ss)_[0-9a-fA-F]{{32}}", "shpat_", "shpca_", "shppa_", "shpss_"),
    _form("square-token", rf"{_B}sq0[a-z]{{3}}-[A-Za-z0-9_-]{{20,}}", "sq0"),
    _form("telegram-token", rf"{_B}\d{{8,10}}:AA[A-Za-z0-9_-]{{32,}}", ":aa"),
    _form("databricks-token", rf"{_B}dapi[0-9a-f]{{32}}", "dapi"),
    _form("vault-token", rf"{_B}hv[sbr]\.[A-Za-z0-9_-]{{20,}}", "hvs.", "hvb.", "hvr."),
    _form("terraform-token", rf"{_B}[A-Za-z0-9]{{14}}\.atlasv1\.[A-Za-z0-9_-]{{40,}}", ".atlasv1."),
    _form("grafana-token", rf"{_B}gl(?:sa|c)_[A-Za-z0-9+/=_]{{20,}}", "glsa_", "glc_"),
    _form("newrelic-key", rf"{_B}NR(?:AK|JS|II|IQ)-[A-Za-z0-9-]{{20,}}", "nrak-", "nrjs-", "nrii-", "nriq-"),
    _form("huggingface-token", rf"{_B}hf_[A-Za-z0-9]{{30,}}", "hf_"),
    _form("sentry-key", r"https?://(?P<v>[0-9a-f]{32}(?::[0-9a-f]{32})?)@[\w.-]+/\d+", "://"),
    _form("sentry-key", rf"{_B}sntry[su]_[A-Za-z0-9+/=_-]{{20,}}", "sntry"),
    _form("norepeat-key", rf"{_B}nr_[A-Za-z0-9]+_[A-Za-z0-9]{{32,}}", "nr_"),
    _form("password", r"\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@]*:(?P<v>[^\s/@]+(?:@(?=[^\s/]*@)[^\s/@]*)*)@", "://", flags=re.IGNORECASE, holds=_given),
    _form("credential", r"\b(?:bearer|basic|digest|token token=)\s*(?P<v>[\w+/=.~-]{12,})", "bearer", "basic", "digest", "token token=", flags=re.IGNORECASE, holds=_telling),
    _form("cookie", r"\b(?:set-)?cookie:\s*(?P<v>\S[^\n]*)", "cookie:", flags=re.IGNORECASE, holds=_given),
    _form("signature", r"[?&;](?:sig|signature|x-amz-signature|x-amz-security-token|x-amz-credential|x-goog-signature|access_token|id_token|refresh_token|token|key|code|auth|api_key|apikey|secret|password|se_sig)=(?P<v>[^\s&#\"'<>;]{6,})", "=", flags=re.IGNORECASE, holds=_telling),
    _form("password", r"(?:account|sharedaccess|primary|secondary)key=(?P<v>[A-Za-z0-9+/]{20,}={0,2})", "key=", flags=re.IGNORECASE),
    _form("password", r"[\w.-]*(?:password|passwd|passphrase|passwort|pwd|_pass|pgpass)[\w.-]*[\"'`]?\s*(?:=>|:=|=|:)\s*(?P<v>\"[^\"\n]+\"|'[^'\n]+'|`[^`\n]+`|[^\s;,&\"'`]+)", "pass", "pwd", flags=re.IGNORECASE, holds=_given),
    _form("password", r"\b(?:password|passphrase|passcode|pin|pw)\s+(?:is|was|to|=)\s+(?P<v>\"[^\"\n]+\"|'[^'\n]+'|`[^`\n]+`|\S+)", "pass", "pin ", "pw ", flags=re.IGNORECASE, holds=_telling),
    _form("secret", r"[\w.-]*(?:secret|token|api[_-]?key|apikey|access[_-]?key|private[_-]?key|client[_-]?key(?:-data)?|auth[_-]?key|account[_-]?key|signing[_-]?key|encryption[_-]?key|app[_-]?key|application[_-]?key|license[_-]?key|credentials?|routing[_-]?key|integration[_-]?key)[\w.-]*[\"'`]?\s*(?:=>|:=|=|:)\s*(?P<v>\"[^\"\n]+\"|'[^'\n]+'|`[^`\n]+`|[^\s;,&\"'`]+)", "secret", "token", "key", "credential", flags=re.IGNORECASE, holds=_telling),
    _form("password", r"(?:^|\s)--?(?:password|passwd|token|secret|api-key)[ =](?P<v>\"[^\"\n]+\"|'[^'\n]+'|[^\s\"'-]\S*)", "--pass", "--token", "--secret", "--api-key", "-password", flags=re.IGNORECASE, holds=_given),
    _form("password", r"\b(?:curl|wget|http)\b[^\n]*?\s(?:-u|--user)[ =]?['\"]?[^\s:'\"]+:(?P<v>[^\s'\"]+)", "-u", "--user", holds=_given),
    _form("password", r"\b(?:mysql|mysqldump|mariadb|sshpass|redis-cli)\b[^\n]*?\s-[pa] ?(?P<v>'[^']+'|\"[^\"]+\"|[^\s'\"-]\S*)", "mysql", "mariadb", "sshpass", "redis-cli", holds=_telling),
    _form("password-hash", r"\$(?:2[abxy]|argon2(?:id|i|d)|[156]|y|scrypt|pbkdf2(?:-sha\d+)?)\$[^\s:'\"]{16,}", "$"),
)  # fmt: skip
"""In order: what comes first takes the text."""

EMAIL = _form("email", r"(?<![\w.+-])[\w.+%'-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,24}(?![\w-])", "@")
IBAN = _form("iban", rf"{_B}[A-Z]{{2}}\d{{2}}(?:[ ]?[A-Z0-9]{{4}}){{2,7}}(?:[ ]?[A-Z0-9]{{1,3}})?{_E}", holds=_iban)
CARD = _form("card", r"(?<![\w.:/-])\d(?:[ -]?\d){12,18}(?![\w:/]|[.-]\d)", holds=_luhn)
SSN = _form("national-id", r"(?<![\w.-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])", "-")
MAC = _form("mac", r"(?<![\w:-])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?![\w:-])", ":", "-")
PERSONAL = (EMAIL, IBAN, SSN, MAC)

_IPV4 = re.compile(r"(?<![\w.:-])(?:\d{1,3}\.){3}\d{1,3}(?![\w-]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:])")


def address_patterns(which: Addresses) -> tuple[Pattern, ...]:
    if which is Addresses.NONE:
        return ()

    def holds(text: str) -> bool:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return False
        return not address.is_unspecified and (which is Addresses.ALL or address.is_global)

    return Pattern("ip", _IPV4, (".",), holds), Pattern("ip", _IPV6, ("::", ":"), holds)
