"""The root of every mutation: the writing routes of REST under their own names.

A route is an ordinary function from ports, caller and body to an answer. A mutation calls it and shows the record as it
is read afterwards, so that what REST can write GraphQL can write too, by the same use case and the same rules.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from inspect import Parameter, getdoc, isclass, signature
from typing import Any, get_args

import orjson
from fastapi import Response
from pydantic import BaseModel, TypeAdapter
from strawberry.annotation import StrawberryAnnotation
from strawberry.tools import create_type
from strawberry.types import Info
from strawberry.types.unset import UNSET
from typing_extensions import override

from app.api.deps import CallerDep, PortsDep, SeenVersion
from app.api.graphql.context import Context
from app.api.graphql.fields import Resolving, argument
from app.api.graphql.inputs import body_fields, input_for
from app.api.graphql.once import KEY_NAME, KEY_SAID, Call, Route, once
from app.api.graphql.records import kind_of
from app.api.graphql.types.action_items import ActionItemType, EvidenceType
from app.api.graphql.types.budgets import BoostType
from app.api.graphql.types.deployments import AnnotationType, DeploymentType
from app.api.graphql.types.drafts import DraftType, TranscriptType
from app.api.graphql.types.findings import FindingType
from app.api.graphql.types.incidents import IncidentType
from app.api.graphql.types.keys import ApiKeyType, IssuedKeyType
from app.api.graphql.types.learning import RootCauseType
from app.api.graphql.types.meta_reviews import MetaReviewThemeType, MetaReviewType
from app.api.graphql.types.organisation import PersonType, ServiceAccountType, ServiceType, TeamType
from app.api.graphql.types.postmortems import AnnouncementType, PostmortemType, TimelineEntryType
from app.api.graphql.types.suggestions import SuggestionAnswerType
from app.api.graphql.types.tickets import DeliveryType, LocalTicketType
from app.api.graphql.types.webhooks import (
    EndpointSecretType,
    RedeliveryType,
    WebhookDeliveryType,
    WebhookEndpointType,
)
from app.api.graphql.words import SAID, WORDS
from app.api.rest import (
    action_items,
    api_keys,
    budgets,
    deliveries,
    deployments,
    drafts,
    findings,
    incident_sources,
    incidents,
    local_tickets,
    meta_reviews,
    people,
    postmortems,
    publications,
    root_causes,
    service_accounts,
    services,
    suggestions,
    teams,
    tickets,
    timeline,
    webhook_deliveries,
    webhook_endpoints,
)
from app.domain.deeds import Deed, begin, current_deed
from app.domain.errors import NotFound

_LAST = ("body", "seen")
"""What stands after the names of records."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a mutation shows: the record that the route's answer names by `by`, or that one of its arguments names."""

    type: type[Any]
    by: str = "id"
    argument: str | None = None


REVIEW = Shown(MetaReviewType)
ITEM, POSTMORTEM, KEY = Shown(ActionItemType), Shown(PostmortemType), Shown(ApiKeyType, argument="key_id")

MUTATIONS: Mapping[Route, Shown | None] = {
    teams.create_team: Shown(TeamType),
    teams.update_team: Shown(TeamType),
    services.create_service: Shown(ServiceType),
    services.update_service: Shown(ServiceType),
    people.create_person: Shown(PersonType),
    people.update_person: Shown(PersonType),
    service_accounts.create_service_account: Shown(ServiceAccountType),
    service_accounts.update_service_account: Shown(ServiceAccountType),
    api_keys.issue_api_key: None,
    api_keys.rotate_api_key: None,
    api_keys.revoke_api_key: KEY,
    root_causes.create_root_cause: Shown(RootCauseType),
    root_causes.update_root_cause: Shown(RootCauseType),
    root_causes.merge_root_causes: Shown(RootCauseType),
    incidents.create_incident: Shown(IncidentType),
    incidents.update_incident: Shown(IncidentType),
    postmortems.create_postmortem: POSTMORTEM,
    postmortems.update_postmortem: POSTMORTEM,
    postmortems.override_tier: POSTMORTEM,
    postmortems.submit_postmortem: POSTMORTEM,
    postmortems.request_changes: POSTMORTEM,
    postmortems.sign_off_postmortem: POSTMORTEM,
    postmortems.publish_postmortem: POSTMORTEM,
    postmortems.waive_postmortem: POSTMORTEM,
    incident_sources.import_incident: Shown(IncidentType),
    deployments.record_deployment: Shown(DeploymentType),
    deployments.record_annotation: Shown(AnnotationType),
    publications.gather_timeline: Shown(PostmortemType, argument="postmortem_id"),
    drafts.generate_postmortem_draft: Shown(DraftType),
    drafts.review_draft: Shown(DraftType),
    drafts.cancel_draft: Shown(DraftType),
    drafts.upload_transcript: Shown(TranscriptType),
    publications.retry_publication: Shown(AnnouncementType),
    timeline.add_timeline_entry: Shown(TimelineEntryType),
    timeline.update_timeline_entry: Shown(TimelineEntryType),
    timeline.remove_timeline_entry: Shown(PostmortemType, argument="postmortem_id"),
    action_items.create_action_item: ITEM,
    action_items.update_action_item: ITEM,
    action_items.accept_action_item: ITEM,
    action_items.start_action_item: ITEM,
    action_items.stop_action_item: ITEM,
    action_items.implement_action_item: ITEM,
    action_items.decline_action_item: ITEM,
    action_items.reopen_action_item: ITEM,
    action_items.set_verification_plan: ITEM,
    action_items.run_checks: ITEM,
    action_items.attest_action_item: Shown(EvidenceType),
    action_items.review_evidence: Shown(EvidenceType),
    tickets.adopt_ticket: ITEM,
    tickets.resync_ticket: ITEM,
    local_tickets.move_local_ticket: Shown(LocalTicketType, by="number"),
    meta_reviews.create_meta_review: REVIEW,
    meta_reviews.rebuild_meta_review: REVIEW,
    meta_reviews.word_systemic_fix: REVIEW,
    meta_reviews.submit_meta_review: REVIEW,
    meta_reviews.send_back_meta_review: REVIEW,
    meta_reviews.publish_meta_review: REVIEW,
    meta_reviews.create_pattern_item: ITEM,
    meta_reviews.accept_theme: Shown(MetaReviewThemeType),
    meta_reviews.dismiss_theme: Shown(MetaReviewThemeType),
    suggestions.answer_suggestion: Shown(SuggestionAnswerType),
    findings.dismiss_finding: Shown(FindingType),
    deliveries.retry_delivery: Shown(DeliveryType),
    budgets.raise_boost: Shown(BoostType),
    budgets.lift_boost: Shown(BoostType, argument="boost_id"),
    webhook_endpoints.create_webhook_endpoint: None,
    webhook_endpoints.update_webhook_endpoint: Shown(WebhookEndpointType),
    webhook_endpoints.remove_webhook_endpoint: Shown(WebhookEndpointType, argument="endpoint_id"),
    webhook_endpoints.rotate_webhook_secret: None,
    webhook_endpoints.redeliver_webhooks: None,
    webhook_deliveries.redeliver_webhook: Shown(WebhookDeliveryType),
    webhook_deliveries.ping_webhook_endpoint: Shown(WebhookDeliveryType),
}
"""Every route that writes. None: the answer itself is shown, because it can be shown only once."""

ANSWERS: Mapping[Route, type[Any]] = {
    api_keys.issue_api_key: IssuedKeyType,
    api_keys.rotate_api_key: IssuedKeyType,
    webhook_endpoints.create_webhook_endpoint: EndpointSecretType,
    webhook_endpoints.rotate_webhook_secret: EndpointSecretType,
    webhook_endpoints.redeliver_webhooks: RedeliveryType,
}


@dataclass(frozen=True, slots=True)
class Taken:
    """An argument of a route, as a mutation takes it."""

    name: str
    shown_name: str | None
    type: Any
    description: str
    checked: Callable[[Any], Any]
    is_optional: bool = False


class MutationField(Resolving):
    """A mutation: the route it calls and what it shows afterwards."""

    route: Route
    shown: Shown | None
    taken: tuple[Taken, ...]

    @override
    async def get_result(self, source: Any, info: Info | None, args: list[Any], kwargs: Any) -> Any:
        assert info is not None
        context: Context = info.context
        given = {one.name: one.checked(kwargs[one.name]) for one in self.taken if kwargs.get(one.name) is not None}
        context.forget()
        begin(Deed(self.route.__name__, context.caller.actor, current_deed().request_id))
        call = Call(self.route, context, given)
        answer = await call() if (key := kwargs.get(KEY_NAME)) is None else await once(call, key)
        return answer if self.shown is None else await _read(context, self.shown, answer, given)


async def _read(context: Context, shown: Shown, answer: Any, given: Mapping[str, Any]) -> Any:
    value = given[shown.argument] if shown.argument else orjson.loads(answer.body)[shown.by]
    row = await context.loaders.written(kind_of(shown.type), value, by=shown.by)
    if row is None:
        raise NotFound
    return row


def _taken(parameter: Parameter) -> Taken | None:
    """Ports, caller and response come from the request; everything else is an argument."""
    annotation, name = parameter.annotation, parameter.name
    if annotation in (PortsDep, CallerDep) or annotation is Response:
        return None
    if annotation == SeenVersion:
        return Taken(name, "expectedVersion", int, "The version you read; a newer one refuses the change.", int)
    is_optional = parameter.default is not Parameter.empty
    taken = input_for(annotation)
    if name == "body":
        body = _body(annotation)
        return Taken(name, "input", taken.type, "What is sent.", partial(_made, body), is_optional)
    check = TypeAdapter[Any](annotation).validate_python
    return Taken(name, None, taken.type, WORDS[name], lambda given: check(taken.wire(given)), is_optional)


def _body(annotation: Any) -> type[BaseModel]:
    return next(one for one in (annotation, *get_args(annotation)) if isclass(one) and issubclass(one, BaseModel))


def _made(body: type[BaseModel], given: Any) -> BaseModel:
    return body(**body_fields(body, given))


def _field(route: Route, shown: Shown | None) -> MutationField:
    field = MutationField(python_name=route.__name__, description=SAID.get(route.__name__) or getdoc(route))
    field.route, field.shown = route, shown
    taken = filter(None, map(_taken, signature(route).parameters.values()))
    field.taken = tuple(sorted(taken, key=lambda one: _LAST.index(one.name) if one.name in _LAST else -1))
    field.type_annotation = StrawberryAnnotation(shown.type if shown else ANSWERS[route])
    field.arguments = [
        argument(one.name, one.type, one.description, None if one.is_optional else UNSET, shown_name=one.shown_name)
        for one in field.taken
    ]
    if "seen" not in signature(route).parameters:
        field.arguments.append(argument(KEY_NAME, str | None, KEY_SAID, None, shown_name="idempotencyKey"))
    return field


Mutation = create_type(
    "Mutation",
    [_field(route, shown) for route, shown in MUTATIONS.items()],
    description="What can be done. A change is refused whole or made whole; errors carry the codes of REST.",
)
