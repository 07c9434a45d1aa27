import { graphql } from "relay-runtime";

/** Pagination as Relay does it: the connection and the query for the next page come from this one fragment. */
export const ServiceItems = graphql`
  fragment ServiceItems on Service
  @refetchable(queryName: "ServiceItemsPageQuery")
  @argumentDefinitions(count: { type: "Int", defaultValue: 20 }, cursor: { type: "String" }) {
    actionItems(first: $count, after: $cursor) @connection(key: "ServiceItems_actionItems") {
      edges {
        node {
          ...Item
        }
      }
    }
  }
`;
