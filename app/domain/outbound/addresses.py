"""Which addresses we send to: public ones, and those of the networks that an operator has named."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from app.domain.errors import Invalid

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
_NAT64 = ip_network("64:ff9b::/96")
_LOCAL_NAMES = ("localhost", "local", "internal", "localdomain")


class UrlNotAllowed(Invalid):
    """Events are not sent to this address."""

    code = "url_not_allowed"


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """`10.0.0.0/8`, as settings have them. Raises ValueError."""
    return tuple(ip_network(text) for text in texts)


def may_connect(address: Address, allowed: Sequence[Network] = ()) -> bool:
    """Whether it is public or allowed, and so is every IPv4 address that it wraps."""
    return all(_is_public(one) or any(one in network for network in allowed) for one in _faces(address))


def _is_public(address: Address) -> bool:
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _faces(address: Address) -> tuple[Address, ...]:
    """The address, or the IPv4 address that a translation makes of it."""
    if isinstance(address, IPv4Address):
        return (address,)
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address in _NAT64:
        return (IPv4Address(int(address) & 0xFFFFFFFF),)
    if address.teredo is not None:
        return (address, *address.teredo)
    return (address,) if address.sixtofour is None else (address, address.sixtofour)


def require_url(url: str, *, allow_http: bool, allowed: Sequence[Network] = ()) -> str:
    """The same address. Raises UrlNotAllowed; what a name leads to is looked at each time we connect."""
    try:
        parts = urlsplit(url)
        host, _ = (parts.hostname or "").rstrip("."), parts.port
    except ValueError as error:
        raise UrlNotAllowed("This is not a URL.") from error
    if parts.scheme != "https" and not (allow_http and parts.scheme == "http"):
        raise UrlNotAllowed("Use https; plain http needs the setting NOREPEAT_OUTBOUND_ALLOW_HTTP.")
    if parts.username is not None or parts.password is not None:
        raise UrlNotAllowed("Leave out the user and password: deliveries are signed instead.")
    if not host or parts.fragment:
        raise UrlNotAllowed("A URL names a host and has no fragment.")
    literal = _literal(host)
    is_refused = _is_local_name(host) and not allowed if literal is None else not may_connect(literal, allowed)
    if is_refused:
        raise UrlNotAllowed(
            f"{host} is not a public address; the setting NOREPEAT_OUTBOUND_ALLOWED_NETWORKS can allow its network."
        )
    return url


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _is_local_name(host: str) -> bool:
    return host.rpartition(".")[2].lower() in _LOCAL_NAMES
