"""GraphQL, loaded beside the running service: nobody should wait at the start for the half second its schema takes."""

import asyncio
from collections.abc import Mapping
from importlib import import_module

from fastapi import FastAPI
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send


class LateGraphQL:
    """The ASGI application behind /graphql: a request that comes first waits until it is loaded."""

    def __init__(
        self, introspection: bool, subscriptions: int, trusted: Mapping[str, str], *, trusted_only: bool
    ) -> None:
        self._introspection = introspection
        self._subscriptions = subscriptions
        self._trusted = trusted
        self._trusted_only = trusted_only
        self._loading: asyncio.Task[ASGIApp] | None = None

    def load(self) -> "asyncio.Task[ASGIApp]":
        """Start loading on a thread, once; a failure is raised to whoever asks."""
        if self._loading is None:
            self._loading = asyncio.create_task(asyncio.to_thread(self._build))
        return self._loading

    def _build(self) -> ASGIApp:
        built: ASGIApp = import_module("app.api.graphql.route").GraphQLOverHttp(
            self._introspection,
            subscriptions=self._subscriptions,
            trusted=self._trusted,
            trusted_only=self._trusted_only,
        )
        return built

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        loading = self.load()
        application = loading.result() if loading.done() else await asyncio.shield(loading)
        await application(scope, receive, send)


def install_graphql(
    app: FastAPI, *, introspection: bool, subscriptions: int, trusted: Mapping[str, str], trusted_only: bool
) -> LateGraphQL:
    """Serve GraphQL at /graphql, over HTTP and over WebSockets; so many connections for subscriptions at most."""
    graphql = LateGraphQL(introspection, subscriptions, trusted, trusted_only=trusted_only)
    # First, because the router tries one route after the other, which takes longer than a compiled read.
    app.router.routes[:0] = [
        Route("/graphql", graphql, methods=["GET", "POST"]),
        WebSocketRoute("/graphql", graphql),
    ]
    return graphql
