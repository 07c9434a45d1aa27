"""Secrets and personal data never get into a bundle; what an engineer needs to read survives."""

import pytest

from app.adapters.phones import PhoneFinder
from app.domain.drafting.patterns import Addresses
from app.domain.drafting.redaction import RedactionPolicy, Redactor

A, H, D = "Ab3" * 40, "0a1b2c3d" * 8, "1029384756" * 5
PEM = "-----BEGIN {0}PRIVATE KEY-----\nMIIEow" + "IBAAKCAQEA7" + "\n-----END {0}PRIVATE KEY-----"
# Put together from parts, so that no scanner of this repository takes them for real.
SECRETS = {
    "github classic": "ghp_" + A[:36],
    "github oauth": "gho_" + A[:36],
    "github app": "ghs_" + A[:36],
    "github fine-grained": "github_pat_" + A[:60],
    "gitlab": "glpat-" + A[:20],
    "aws access key": "AKIA" + "ABCD2345" * 2,
    "aws temporary key": "ASIA" + "ABCD2345" * 2,
    "slack bot": "xoxb-" + D[:24] + "-" + A[:24],
    "slack app": "xapp-1-" + A[:40],
    "stripe live": "sk_" + "live_" + A[:24],
    "stripe restricted": "rk_" + "live_" + A[:24],
    "webhook secret": "whsec_" + A[:32],
    "google api": "AIza" + A[:35],
    "google client": "GOCSPX-" + A[:28],
    "google access": "ya29." + A[:60],
    "anthropic": "sk-ant-" + A[:60],
    "openai": "sk-" + A[:48],
    "openai project": "sk-proj-" + A[:48],
    "sendgrid": "SG." + A[:22] + "." + A[:43],
    "twilio": "SK" + H[:32],
    "mailgun": "key-" + H[:32],
    "mailchimp": H[:32] + "-us12",
    "npm": "npm_" + A[:36],
    "pypi": "pypi-" + A[:60],
    "docker": "dckr_pat_" + A[:27],
    "digitalocean": "dop_v1_" + H,
    "linear": "lin_api_" + A[:40],
    "atlassian": "ATATT3" + A[:60],
    "shopify": "shpat_" + H[:32],
    "square": "sq0atp-" + A[:22],
    "telegram": D[:9] + ":AA" + A[:33],
    "databricks": "dapi" + H[:32],
    "vault": "hvs." + A[:90],
    "terraform": A[:14] + ".atlasv1." + A[:60],
    "grafana": "glsa_" + A[:32] + "_" + H[:8],
    "new relic": "NRAK-" + A[:27],
    "hugging face": "hf_" + A[:34],
    "jwt": "eyJ" + A[:30] + ".eyJ" + A[:30] + "." + A[:43],
    "rsa key": PEM.format("RSA "),
    "openssh key": PEM.format("OPENSSH "),
    "age key": "AGE-SECRET-KEY-1" + "QPZRY9X8" * 7,
    "bcrypt": "$2b$12$" + A[:53],
    "crypt": "$6$salt$" + A[:80],
    "norepeat": "nr_ab12_" + A[:43],
    "slack webhook": "https://hooks.slack.com/services/T00/B00/" + A[:24],
    "discord webhook": "https://discord.com/api/webhooks/" + D[:18] + "/" + A[:60],
}
INSIDE = {
    "password in a url": ("postgres://app:{}@db.internal:5432/shop", "hunter2-x"),
    "password with @ in a url": ("redis://default:{}@cache:6379/0", "p@ss9word"),
    "password=": ("DB_PASSWORD={} ./run", "correcthorse"),
    "password: quoted": ('password: "{}"', "s3cret phrase"),
    "yaml token": ("api_token: {}", "9f8e7d6c5b4a"),
    "json secret": ('{{"client_secret": "{}"}}', "Zx81-Spectrum"),
    "aws secret": ("aws_secret_access_key = {}", "wJalrXUtnFEMI/K7MDENG/bPxRfiCY0"),
    "bearer": ("Authorization: Bearer {}", "abcdef0123456789abcdef"),
    "basic": ("authorization: Basic {}", "dXNlcjpwYXNzd29yZDE="),
    "cookie": ("Cookie: {}", "session=abc123; theme=dark"),
    "signed url": ("https://b.s3.amazonaws.com/f?X-Amz-Signature={}&x=1", "fe5f80f77d5fa3be"),
    "azure sas": ("https://x.blob.core.windows.net/c?sv=1&sig={}", "k%2BaB3dEf0%3D"),
    "access token in a query": ("https://x.example/cb?access_token={}", "a1b2c3d4e5f6"),
    "azure storage": ("AccountName=x;AccountKey={};EndpointSuffix=y", "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6=="),
    "sql server": ("Server=db;User Id=sa;Password={};", "Str0ng!Pass"),
    "curl": ("curl -u admin:{} https://x.example", "s3same"),
    "flag": ("vault login --token {}", "s.abc123def"),
    "mysql": ("mysql -uroot -p{} shop", "r00tpass"),
    "in a sentence": ("the password is {} for now", "Tr0ub4dor"),
    "sentry": ("https://{}@o1.ingest.sentry.io/42", "0123456789abcdef0123456789abcdef"),
    "datadog": ("DD_API_KEY={}", "0123456789abcdef0123456789abcdef"),
    "pagerduty": ("Token token={}", "y_NbAkKc66ryYTWUXYEu"),
    "kubeconfig": ("client-key-data: {}", "LS0tLS1CRUdJTiBSU0E="),
    "e-mail": ("ask {} about it", "jane.doe+ops@example.co.uk"),
    "international phone": ("call {} now", "+49 30 901820"),
    "us phone": ("call me at {}", "415-555-2671"),
    "us phone with brackets": ("ring {} please", "(415) 555-2671"),
    "german phone": ("Tel. {}", "030 901820"),
    "public ipv4": ("from {} since noon", "8.8.8.8"),
    "public ipv6": ("from {} since noon", "2001:4860:4860::8888"),
    "iban": ("pay to {} today", "DE89 3704 0044 0532 0130 00"),
    "card": ("charged {} twice", "4111 1111 1111 1111"),
    "amex": ("charged {} twice", "3782-822463-10005"),
    "ssn": ("ssn {} leaked", "536-22-1234"),
    "mac": ("host {} is gone", "00:1b:44:11:3a:b7"),
}
INNOCENT = (
    "ca4be59af7dc673b3b5fb3a16711bee21b4e736a",
    "reverts e6a015b and b01b288..c35c7e3",
    "123e4567-e89b-12d3-a456-426614174000",
    "0190a5f0-7c3e-7a1b-8f00-1234567890ab",
    "v1.13.5-gke.10 and 2.4.1 and v20190208-c35c7e3",
    "Chrome/98.0.4758.102",
    "2026-11-23T22:31:07.123Z",
    "2026-11-23 22:31:07+01:00 and 14:05:09",
    "p99 187.50 375.00 30.00 ms, 4022m 102% 13681Mi 110%",
    "1.42801144e+08 bytes, 1549660620 seconds, 10000000 requests",
    "label-sync-1549660620-8nsx4 gke-prow-default-pool-116f5d3e-bl6h",
    "10.0.0.12:8080 and 127.0.0.1 and 192.168.1.7",
    "std::vector<int>::iterator, a::b::c, 12:30",
    "the token expired; secret: build-cluster; key: value; token: missing",
    "password is wrong, the password is being rotated, password reset",
    "password=$DB_PASSWORD token=<token> secret=${SECRET} api_key=null",
    "@test-infra-oncall senlu@senlu:~/work npm install @scope/package@1.2.3",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "https://github.com/acme/shop/pull/11172#issuecomment-461994843",
    "trace 4bf92f3577b34da6a3ce929d0e0e4736 span 00f067aa0ba902b7",
    "exit code 137, port 65535, HTTP 503, 1000000000000000 ns",
    "basic authentication failed; bearer of bad news",
    "order 4111 1111 1111 1112 is no card, GB00 NWBK 6016 1331 9268 19 no account",
    "0000 0000 0000 0000 is a filler, DE89 3704 0044 is too short",
    "2019-02-05 to 2019-02-08, 05.02.2019, 02/05/2019",
)


def redactor(addresses: Addresses = Addresses.PUBLIC) -> Redactor:
    return Redactor(RedactionPolicy(addresses), PhoneFinder())


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_of_a_known_form_is_replaced(name: str) -> None:
    value = SECRETS[name]
    shown = redactor().redact(f"look: {value} :there")
    assert value not in shown
    assert not any(part in shown for part in (value[8:], value[: len(value) - 6]))
    assert shown.startswith("look: [")
    assert ":there" in shown or "PRIVATE" in value


@pytest.mark.parametrize("name", INSIDE)
def test_a_value_is_replaced_where_its_surroundings_say_what_it_is(name: str) -> None:
    sentence, value = INSIDE[name]
    shown = redactor().redact(sentence.format(value))
    assert value not in shown
    assert "[" in shown
    before = sentence.format("\0").split("\0")[0][:6]
    assert shown.startswith(before)


@pytest.mark.parametrize("text", INNOCENT)
def test_what_engineers_read_survives(text: str) -> None:
    assert redactor().redact(text) == text


def test_the_same_value_keeps_one_name() -> None:
    one = redactor()
    first = one.redact("jane@example.com and bob@example.com")
    assert first == "[email-1] and [email-2]"
    assert one.redact("bob@example.com again") == "[email-2] again"
    assert one.counts == {"email": 2}


@pytest.mark.parametrize("text", [*(f"x {v} y" for v in SECRETS.values()), *(s.format(v) for s, v in INSIDE.values())])
def test_redacting_again_changes_nothing(text: str) -> None:
    one = redactor()
    shown = one.redact(text)
    assert redactor().redact(shown) == shown


def test_a_key_that_was_cut_off_is_replaced_to_the_end() -> None:
    shown = redactor().redact("see -----BEGIN RSA PRIVATE KEY-----\nMIIEow\nAAAA")
    assert shown == "see [private-key-1]"


def test_addresses_are_replaced_by_policy() -> None:
    text = "10.0.0.1 8.8.8.8 0.0.0.0"
    assert redactor(Addresses.NONE).redact(text) == text
    assert redactor(Addresses.ALL).redact(text) == "[ip-1] [ip-2] 0.0.0.0"


def test_names_of_a_transcript_become_names_of_the_bundle() -> None:
    bundle = redactor()
    assert bundle.redact("ana@example.com") == "[email-1]"
    assert (
        bundle.adopt("[email-1] wrote [email-2], not [other-1]", "transcript:a")
        == "[email-2] wrote [email-3], not [other-1]"
    )
    assert bundle.adopt("[email-1]", "transcript:a") == "[email-2]"
    assert bundle.adopt("[email-1]", "transcript:b") == "[email-4]"


def test_an_empty_text_stays_empty() -> None:
    assert redactor().redact("") == ""


def test_the_set_has_at_least_forty_kinds() -> None:
    assert len(SECRETS) + len(INSIDE) >= 40
