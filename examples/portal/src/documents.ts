/** Every operation of the portal, in one place: the documents to trust, and what the types are made from. */
import { graphql } from "./gql/index.ts";

export const SprintQuery = graphql(`
  query SprintQuery($team: [String!], $after: String) {
    teams(first: 200) {
      edges {
        node {
          id
          slug
          name
        }
      }
    }
    sprintPlanning(team: $team, first: 20, after: $after) {
      olderOpenCount
      pageInfo {
        hasNextPage
        endCursor
      }
      edges {
        node {
          ...Item
        }
      }
    }
  }
`);

export const ItemFragment = graphql(`
  fragment Item on ActionItem {
    id
    title
    status
    effectivePriority
    dueOn
    overdue
    plannedIn
    timesPassedOver
    risk
    riskDetail {
      reasons {
        code
        text
      }
    }
    owner {
      id
      name
    }
    service {
      id
      slug
      name
    }
    postmortem {
      id
    }
    ticket {
      id
      key
      url
      status
    }
  }
`);

export const BoostFragment = graphql(`
  fragment Boost on Boost {
    id
    slo
    signal
    state
    levels
    reason
    raisedAt
    endedAt
  }
`);

export const ServicesQuery = graphql(`
  query ServicesQuery($search: String, $after: String) {
    services(first: 50, after: $after, filter: { search: $search }) {
      pageInfo {
        hasNextPage
        endCursor
      }
      edges {
        node {
          id
          slug
          name
          team {
            id
            name
          }
        }
      }
    }
  }
`);

export const ServiceQuery = graphql(`
  query ServiceQuery($slug: String!) {
    service(slug: $slug) {
      id
      slug
      name
      revenuePerHourUsd
      team {
        id
        name
      }
      budget {
        band
        levels
        slos {
          slo
          band
          objective
          remaining
          burnRate
          observedAt
        }
      }
      boosts(first: 10) {
        ...Boost
      }
      incidents(first: 5) {
        edges {
          node {
            id
            title
            severity
            startedAt
            resolvedAt
            postmortem {
              id
              status
            }
          }
        }
      }
      actionItems(
        first: 20
        filter: { status: [OPEN, IN_PROGRESS] }
        orderBy: { field: RISK, descending: true }
      ) {
        edges {
          node {
            ...Item
          }
        }
      }
    }
  }
`);

export const PostmortemQuery = graphql(`
  query PostmortemQuery($id: ID!) {
    postmortem(id: $id) {
      id
      status
      tier
      publishedAt
      incident {
        id
        title
        severity
        startedAt
        primaryService {
          id
          slug
          name
        }
      }
      sections {
        name
        text
      }
      timeline(first: 200) {
        id
        occurredAt
        kind
        text
      }
      factors {
        code
        why
        factor {
          title
        }
      }
      actionItems {
        ...Item
      }
    }
  }
`);

export const BoostsSubscription = graphql(`
  subscription BoostsSubscription($service: [String!]) {
    boosts(service: $service) {
      event {
        position
        type
      }
      boost {
        ...Boost
      }
    }
  }
`);

export const ItemsSubscription = graphql(`
  subscription ItemsSubscription($team: [String!]) {
    actionItems(team: $team) {
      event {
        position
        type
      }
      actionItem {
        ...Item
      }
    }
  }
`);
