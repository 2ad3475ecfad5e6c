// graphql-eslint's recommended rules for schemas and its rules for Relay; each exception has its reason.
import graphqlPlugin from "@graphql-eslint/eslint-plugin";

const { configs, parser } = graphqlPlugin;

// Values, pages and payloads: nothing that a client could find again by an id.
const WITHOUT_IDENTITY = [
  "CreditLogBucket", "CreditOutcome", "CreditOutcomeRow", "Freshness", "PageInfo",
  "CreditOutcomeBrand", "CreditReconciliation", "CreditReconciliationRow",
  "ReportColumn", "ReportPreview", "ReportRows",
  "CreditLogConnection", "CreditLogEdge", "ReportConnection", "ReportEdge", "ScheduleReportPayload",
];

export default [
  {
    files: ["**/*.graphql"],
    languageOptions: { parser },
    plugins: { "@graphql-eslint": graphqlPlugin },
    rules: {
      ...configs["flat/schema-recommended"].rules,
      ...configs["flat/schema-relay"].rules,
      "@graphql-eslint/strict-id-in-types": ["error", { exceptions: { types: WITHOUT_IDENTITY } }],
      // Connections have `nodes` beside `edges`, for clients that page by `endCursor`; rows of an outcome are not paged.
      "@graphql-eslint/relay-edge-types": ["error", { listTypeCanWrapOnlyEdgeType: false }],
      // Lists page forwards; the opposite order is an argument of the log.
      "@graphql-eslint/relay-arguments": ["error", { includeBoth: false }],
      // `Report.id` is the global id, so the vendor's own is `reportId`.
      "@graphql-eslint/no-typename-prefix": "off",
    },
  },
];
