/** What the editor holds when it is opened for the first time. */
export const EXAMPLE_QUERY = `query SprintPlanning {
  sprintPlanning(first: 10) {
    edges {
      node {
        title
        risk
        riskDetail {
          reasons {
            text
          }
        }
        owner {
          name
        }
        ticket {
          url
          status
        }
      }
    }
  }
}
`;
