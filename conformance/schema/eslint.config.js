// graphql-eslint over schema/*.graphqls:  npm ci && npm run lint
// What its two collections of rules ask for holds, unless a line here says why not.
import graphql from '@graphql-eslint/eslint-plugin'

const { configs } = graphql
export default [
  {
    files: ['schema/*.graphqls'],
    languageOptions: { parser: graphql.parser, parserOptions: { graphQLConfig: { schema: 'schema/*.graphqls' } } },
    plugins: { '@graphql-eslint': graphql },
    rules: {
      ...configs['flat/schema-recommended'].rules,
      ...configs['flat/schema-relay'].rules,
      '@graphql-eslint/require-deprecation-reason': 'error',
      // It wants an argument deletionDate of @deprecated, which the specification does not know. The date is
      // in the reason here, "… Removed after YYYY-MM-DD.", and schema/lint_test.go looks for it.
      '@graphql-eslint/require-deprecation-date': 'off',
      // A description of one line is written on one line, a longer one as a block. The rule knows one style
      // for all; that each thing has a description is held by require-description and schema/lint_test.go.
      '@graphql-eslint/description-style': 'off',
      // productId of a Product is the id of the files, the same name as in every line and CSV that points to
      // it, beside `id`, which is Node's. `payout` is a column of every report, also of payouts.
      '@graphql-eslint/no-typename-prefix': 'off',
      '@graphql-eslint/relay-edge-types': ['error', {
        withEdgeSuffix: true,
        // Lists without pages (seats of an offer, fees of a line) hold what they are lists of.
        listTypeCanWrapOnlyEdgeType: false,
        // Sums, periods and usage records are rows of a report: nobody can ask for one by an id.
        shouldImplementNode: false,
      }],
      // Ids are Node's. What is not a Node has no id of its own: payloads, errors, rows of reports and values.
      '@graphql-eslint/strict-id-in-types': 'off',
    },
  },
]
