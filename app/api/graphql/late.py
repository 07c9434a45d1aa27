"""GraphQL, loaded beside the running service: nobody should wait at the start for the half second its schema takes."""

import asyncio
from importlib import import_module

from fastapi import FastAPI
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send


class LateGraphQL:
    """The ASGI application behind /graphql: a request that comes first waits until it is loaded."""

    def __init__(self, introspection: bool) -> None:
        self._introspection = introspection
        self._loading: asyncio.Task[ASGIApp] | None = None

    def load(self) -> "asyncio.Task[ASGIApp]":
        """Start loading on a thread, once; a failure is raised to whoever asks."""
        if self._loading is None:
            self._loading = asyncio.create_task(asyncio.to_thread(self._build))
        return self._loading

    def _build(self) -> ASGIApp:
        built: ASGIApp = import_module("app.api.graphql.route").GraphQLOverHttp(self._introspection)
        return built

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (await asyncio.shield(self.load()))(scope, receive, send)


def install_graphql(app: FastAPI, *, introspection: bool) -> LateGraphQL:
    """Serve GraphQL at /graphql."""
    graphql = LateGraphQL(introspection)
    app.router.routes.append(Route("/graphql", graphql, methods=["GET", "POST"]))
    return graphql
