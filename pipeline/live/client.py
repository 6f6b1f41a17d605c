"""Opening a Redis client with bounded waits, and saying in one line why it cannot be opened."""

import re
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from pipeline.live.settings import RedisSettings
from schemas.errors import SinkError

STEP = "redis"
VERSION_MIN = (5, 0)
SCHEMES = ("redis://", "rediss://", "unix://")
_USERINFO = re.compile(r"^(?P<scheme>[a-z]+://)(?P<user>[^:@/]*:)?.*@", re.DOTALL)
_PARAMETER = re.compile(r"(?P<name>[?&]password=)[^&]*", re.IGNORECASE)


def mask_url(url: str) -> str:
    """Return `url` with any password replaced by `***`."""
    return _PARAMETER.sub(r"\g<name>***", _USERINFO.sub(r"\g<scheme>\g<user>***@", url))


def client_of(url: str, settings: RedisSettings) -> redis.Redis:
    """Return a client that waits at most the settings' timeouts and never retries by itself.

    Nothing is connected yet. Raises SinkError where `url` is no Redis address.
    """
    if not url.startswith(SCHEMES):
        raise _error("this is not the address of a Redis server", url, _ADDRESS_HINT)
    try:
        return redis.Redis.from_url(
            url,
            protocol=2,
            decode_responses=False,
            socket_connect_timeout=settings.connect_timeout_s,
            socket_timeout=settings.read_timeout_s,
            retry=Retry(NoBackoff(), 0),
        )
    except (ValueError, TypeError):
        # The parser's own words may quote a piece of the password.
        raise _error("the address is malformed", url, _ADDRESS_HINT) from None


def check(client: redis.Redis, url: str) -> None:
    """Talk to the server once; raises SinkError that names the fault, with the password masked."""
    try:
        client.ping()
        client.eval("return 1", 0)
        _check_version(client, url)
    except redis.TimeoutError as error:
        raise _error("the server does not answer in time", url, _START_HINT) from error
    except redis.AuthenticationError as error:
        raise _error("the server refuses the password", url, _PASSWORD_HINT) from error
    except redis.InvalidResponse as error:
        raise _error("what answers there is not Redis", url, _ADDRESS_HINT) from error
    except redis.ConnectionError as error:
        raise _error(f"cannot connect: {first_line(error)}", url, _START_HINT) from error
    except redis.RedisError as error:
        raise _error(f"the server refuses: {first_line(error)}", url, _RIGHTS_HINT) from error
    except OSError as error:
        raise _error(f"cannot connect: {first_line(error)}", url, _START_HINT) from error


# No hint shows where a password stands: what prints errors would mask it.
_ADDRESS_HINT = "give redis://host:port, rediss://host:port or unix:///path"
_START_HINT = "start Redis there, or leave the address out to use the embedded server"
_PASSWORD_HINT = "write ':', the right one and '@' before the host"  # noqa: S105, a hint
_RIGHTS_HINT = "give this user the right to XADD, EVAL, HSET, ZADD and UNLINK keys 'facestate:*'"


def _check_version(client: redis.Redis, url: str) -> None:
    info: Any = client.info("server")
    found = str(info.get("redis_version", ""))
    numbers = tuple(int(part) for part in re.findall(r"\d+", found)[:2])
    if numbers and numbers < VERSION_MIN:
        raise _error(f"Redis {found} has no streams", url, "use Redis 5.0 or newer")


def _error(happened: str, url: str, remedy: str) -> SinkError:
    return SinkError(STEP, happened, mask_url(url), remedy)


def first_line(error: BaseException) -> str:
    """Return the first line of an error, or its kind where it says nothing."""
    lines = str(error).splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
